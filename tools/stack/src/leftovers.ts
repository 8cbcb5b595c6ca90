/** Finds and stops what a supervisor that was killed left behind. */
import { rmSync } from 'node:fs'
import { gone, isOurs, signal } from './processes.ts'
import { readText, type StateDir, type SupervisorEntry } from './state.ts'

const APPS_WITHIN_MS = 3_000
const POSTGRES_WITHIN_MS = 8_000

/** The entry of the supervisor that has this stack, if it lives. */
export async function livingSupervisor(state: StateDir): Promise<SupervisorEntry | undefined> {
  const entry = state.readSupervisor()
  return entry && (await isOurs(entry.pid, state.path)) ? entry : undefined
}

/**
 * Stops those of `dead`'s processes that still live: the apps first, so that their last writes still find PostgreSQL,
 * which then gets its fast shutdown. Only one that hangs is killed, which loses no acknowledged write either: the next
 * start recovers them from its log.
 *
 * Only for a stack that nobody supervises. Resolves to how many there were.
 */
export async function stopLeftovers(state: StateDir, dead: SupervisorEntry | undefined): Promise<number> {
  // Its own pid file tells of a PostgreSQL started just before the end, too.
  const postgres = Number.parseInt(readText(state.postmasterFile) ?? '', 10)
  const apps = (dead?.processes ?? []).map(({ pid }) => pid).filter((pid) => pid !== postgres)
  const ended = await Promise.all(apps.map((pid) => end(pid, 'SIGTERM', APPS_WITHIN_MS)))
  ended.push(await end(postgres, 'SIGINT', POSTGRES_WITHIN_MS))
  // Stale by now; after a reboot its process id may be somebody else's, and PostgreSQL would refuse to start.
  rmSync(state.postmasterFile, { force: true })
  return ended.filter(Boolean).length

  /** Resolves to whether there was anything to end. */
  async function end(pid: number, name: NodeJS.Signals, ms: number): Promise<boolean> {
    if (!(await isOurs(pid, state.path))) return false
    signal(pid, name)
    if (await gone(pid, state.path, 100)) return true
    // The second one skips a drain: nobody is in front any more.
    signal(pid, name)
    if (await gone(pid, state.path, ms)) return true
    signal(pid, 'SIGKILL')
    await gone(pid, state.path, 1_000)
    return true
  }
}
