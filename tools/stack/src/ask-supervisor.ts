/** Has the supervisor of the stack that is up do something, and waits until its book says that it did. */
import { setTimeout as delay } from 'node:timers/promises'
import { livingSupervisor } from './leftovers.ts'
import { signal } from './processes.ts'
import { StackError, type StateDir, type SupervisorEntry } from './state.ts'

const POLL_MS = 50

/**
 * @param ended how many times it has done that, as the book has it
 * @throws {StackError} where nothing is up, or no longer
 */
export async function askSupervisor(
  state: StateDir,
  name: NodeJS.Signals,
  ended: (entry: SupervisorEntry) => number,
): Promise<SupervisorEntry> {
  const before = await livingSupervisor(state)
  if (before?.phase !== 'up') throw new StackError(`nothing is up in ${state.path}; see make status.`)
  signal(before.pid, name)
  for (;;) {
    await delay(POLL_MS)
    const now = await livingSupervisor(state)
    if (now?.phase !== 'up') throw new StackError('the stack was stopped meanwhile.')
    if (ended(now) !== ended(before)) return now
  }
}
