/** One supervised process: started, waited for, started again when it dies, stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nextCrash } from '@spillway/service'
import { type Role, readText, StackError } from './state.ts'

export interface Command {
  file: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  uid?: number
  gid?: number
}

export interface ServiceSpec {
  name: string
  /** A task does one thing and ends. */
  role: Role | 'task'
  /** Where it listens; tasks do not. */
  url?: string
  adminUrl?: string
  log: string
  command: Command
  /** Whether the process answers as it should. Without one it is ready when it ended well. */
  isReady?: (pid: number) => Promise<boolean> | boolean
  /** What asks it to stop. Default: SIGTERM. */
  stopSignal?: NodeJS.Signals
}

/**
 * ```
 * idle --start--> starting --answers--> ready --dies--> waiting --back-off--> starting
 *                    |----------dies (restarted)-----------^
 *                    \----------ends well--> done (a task)
 * any --stop--> stopped
 * ```
 */
type State =
  | { is: 'idle' }
  | { is: 'starting'; child: ChildProcess }
  | { is: 'ready'; child: ChildProcess; since: number }
  | { is: 'waiting' }
  | { is: 'done' }
  | { is: 'stopped'; child?: ChildProcess }

const READY_WITHIN_MS = 30_000
const POLL_MS = 40
const INSIST_EVERY_MS = 250

/** A service that could not be started; the message ends with its last log lines. */
export class StartError extends StackError {
  override name = 'StartError'
}

export class Service {
  readonly spec: ServiceSpec
  readonly #changed: (service: Service, what: string) => void
  #state: State = { is: 'idle' }
  /** Aborts the waiting for readiness and for the next start. */
  readonly #stopping = new AbortController()
  #crashes = 0
  #pid: number | undefined
  #restarts = 0

  /** `changed` hears of every new process and of every change of state, before anything else happens. */
  constructor(spec: ServiceSpec, changed: (service: Service, what: string) => void) {
    this.spec = spec
    this.#changed = changed
  }

  /** Of the process started last. */
  get pid(): number | undefined {
    return this.#pid
  }
  get restarts(): number {
    return this.#restarts
  }

  /** Resolves when it is ready. @throws {StartError} when it ends before, or is not ready within 30 s. */
  async start(): Promise<void> {
    const child = this.#spawn()
    const trouble = await this.#untilReady(child)
    if (this.#stopping.signal.aborted) throw new StartError(`${this.spec.name} was stopped`)
    if (trouble === undefined) return
    await this.stop({ insist: true, withinMs: 0 })
    throw new StartError(`${this.spec.name} ${trouble}.\n${lastLines(this.spec.log)}`)
  }

  #spawn(): ChildProcess {
    const { file, args, ...options } = this.spec.command
    // Gone when somebody deleted the state directory meanwhile.
    mkdirSync(path.dirname(this.spec.log), { recursive: true })
    const log = openSync(this.spec.log, 'a')
    const child = spawn(file, args, { ...options, stdio: ['ignore', log, log] })
    closeSync(log)
    // A missing executable is an error without an exit: it counts as one.
    child.once('error', (error) => {
      appendFileSync(this.spec.log, `${error.message}\n`)
      child.emit('exit', null, null)
    })
    child.once('exit', (code, signal) => this.#died(child, signal ?? `code ${code}`))
    this.#pid = child.pid
    this.#state = { is: 'starting', child }
    this.#changed(this, `started as process ${child.pid}`)
    return child
  }

  /** Resolves to what went wrong, or to undefined. */
  async #untilReady(child: ChildProcess): Promise<string | undefined> {
    const { isReady } = this.spec
    const until = isReady ? performance.now() + READY_WITHIN_MS : Number.POSITIVE_INFINITY
    while (performance.now() < until) {
      const isUp = await isReady?.(child.pid as number)
      const state = this.#state
      if (state.is === 'done') return undefined
      if (state.is !== 'starting' || state.child !== child) return 'ended before it was ready'
      if (isUp) {
        this.#state = { is: 'ready', child, since: performance.now() }
        this.#changed(this, 'ready')
        return undefined
      }
      await delay(POLL_MS)
    }
    return `was not ready within ${READY_WITHIN_MS / 1000} s`
  }

  #died(child: ChildProcess, how: string): void {
    const { is } = this.#state
    if (is === 'stopped') {
      this.#changed(this, `stopped (${how})`)
      return
    }
    if (!this.spec.isReady && child.exitCode === 0) {
      this.#state = { is: 'done' }
      this.#changed(this, 'done')
      return
    }
    const upMs = this.#state.is === 'ready' ? performance.now() - this.#state.since : 0
    this.#state = { is: 'waiting' }
    // A first start that failed is for the caller of `start` to judge.
    if (is === 'starting' && this.#restarts === 0) {
      this.#changed(this, `ended (${how})`)
      return
    }
    const { count, delayMs } = nextCrash(this.#crashes, upMs)
    this.#crashes = count
    this.#changed(this, `process ${child.pid} ended (${how}); starting again in ${delayMs} ms`)
    void this.#startAgain(delayMs)
  }

  async #startAgain(delayMs: number): Promise<void> {
    try {
      await delay(delayMs, undefined, { signal: this.#stopping.signal })
    } catch {
      return
    }
    this.#restarts++
    const child = this.#spawn()
    // Its end is a crash like any other: `#died` sees to the next start.
    if ((await this.#untilReady(child)) !== undefined) child.kill('SIGKILL')
  }

  /**
   * Asks it to stop and resolves when it is gone; after `withinMs` it is killed. `insist` repeats the signal, which
   * skips a drain. Asking again may only shorten it.
   */
  async stop({ insist, withinMs }: { insist: boolean; withinMs: number }): Promise<void> {
    const child = 'child' in this.#state ? this.#state.child : undefined
    this.#state = child ? { is: 'stopped', child } : { is: 'stopped' }
    this.#stopping.abort()
    if (!isLiving(child)) return
    const ended = once(child, 'exit')
    this.#ask(child)
    if (insist) this.hurry()
    const deadline = setTimeout(() => child.kill('SIGKILL'), Math.max(withinMs, 0))
    await ended
    clearTimeout(deadline)
  }

  /** Repeats the signal of a `stop` under way until it is heard: two that come close together arrive as one. */
  hurry(): void {
    const child = this.#state.is === 'stopped' ? this.#state.child : undefined
    if (!isLiving(child)) return
    const again = setInterval(() => this.#ask(child), INSIST_EVERY_MS)
    child.once('exit', () => clearInterval(again))
  }

  #ask(child: ChildProcess): void {
    child.kill(this.spec.stopSignal ?? 'SIGTERM')
  }
}

/** Whether it was started and has not ended. */
function isLiving(child: ChildProcess | undefined): child is ChildProcess {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
}

const LAST_LINES = 15

/** What a log ends with, indented. */
export function lastLines(file: string): string {
  const lines = (readText(file) ?? '').trimEnd().split('\n').slice(-LAST_LINES)
  return `Its log ${file} ends with:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
