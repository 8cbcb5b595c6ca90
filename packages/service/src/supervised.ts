/** One supervised process: started, waited for, started again when it dies, followed by a new one, stopped. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { nextCrash } from './backoff.ts'
import { says, tell } from './handover.ts'
import type { HeldSocket } from './sockets.ts'

export interface Command {
  file: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  uid?: number
  gid?: number
}

export interface SupervisedSpec {
  name: string
  /** The file that its output goes to. Default: where ours goes. */
  log?: string
  command: Command
  /**
   * Whether the process answers as it should. Without it, one that is given sockets is ready when it says so, and any
   * other is a task: ready when it ended well.
   */
  isReady?: (pid: number) => Promise<boolean> | boolean
  /** What asks it to stop. Default: SIGTERM. */
  stopSignal?: NodeJS.Signals
  /** Listening sockets that are kept while the process is started again, and closed when it is stopped. */
  sockets?: readonly HeldSocket[]
}

/**
 * ```
 * idle --start--> starting --answers--> ready --dies--> waiting --back-off--> starting
 *                    |                   | ^--handOver--/
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
/** One that cannot say that it accepts no more in this time is stuck, and accepts nothing. */
const YIELD_WITHIN_MS = 2_000
/** A process that handed over ends by itself within 10 s; then it hangs. */
const GONE_WITHIN_MS = 12_000

/** A process that could not be started; the message ends with its last log lines. */
export class StartError extends Error {
  override name = 'StartError'
}

export class Supervised<Spec extends SupervisedSpec = SupervisedSpec> {
  readonly spec: Spec
  readonly #changed: (service: Supervised<Spec>, what: string) => void
  #state: State = { is: 'idle' }
  /** Aborts the waiting for readiness and for the next start. */
  readonly #stopping = new AbortController()
  /** A hand-over's new process; and old ones, which end what they accepted, with the time at which they are killed. */
  readonly #beside = new Map<ChildProcess, NodeJS.Timeout | undefined>()
  #handingOver = false
  #crashes = 0
  #pid: number | undefined
  #restarts = 0

  /** `changed` hears of every new process and of every change of state, before anything else happens. */
  constructor(spec: Spec, changed: (service: Supervised<Spec>, what: string) => void) {
    this.spec = spec
    this.#changed = changed
  }

  /** Of the process started last, or that took over last. */
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
    throw this.#failure(trouble)
  }

  /**
   * Starts a new process and has it accept in the place of the one that runs, which serves what it accepted and ends.
   * Resolves when the new one is ready; only for a service with `sockets`.
   *
   * @throws {StartError} where it could not be; the process before goes on as if nothing was
   */
  async handOver(): Promise<void> {
    const before = this.#state
    const refusal = this.#handingOver ? 'is being handed over already' : before.is !== 'ready' && 'is not ready'
    if (refusal || before.is !== 'ready') throw new StartError(`${this.spec.name} ${refusal}`)
    this.#handingOver = true
    try {
      const child = this.#launch()
      this.#beside.set(child, undefined)
      this.#changed(this, `process ${child.pid} is to take over from process ${before.child.pid}`)
      const isPrepared = await says(child, 'prepared', READY_WITHIN_MS)
      if (!isPrepared || this.#state !== before) {
        child.kill('SIGKILL')
        throw this.#failure(
          isPrepared ? 'was stopped, or ended, meanwhile' : `ended, or was not ready in ${READY_WITHIN_MS / 1000} s`,
        )
      }
      await this.#succeed(before.child, child)
    } finally {
      this.#handingOver = false
    }
  }

  /** From its first line on `next` is the one that is started again where it dies: whatever happens, somebody accepts. */
  async #succeed(old: ChildProcess, next: ChildProcess): Promise<void> {
    this.#beside.delete(next)
    this.#beside.set(
      old,
      setTimeout(() => old.kill('SIGKILL'), GONE_WITHIN_MS),
    )
    this.#pid = next.pid
    this.#state = { is: 'ready', child: next, since: performance.now() }
    this.#changed(this, `is handed over from process ${old.pid} to process ${next.pid}`)
    const yielded = says(old, 'yielded', YIELD_WITHIN_MS)
    tell(old, 'yield')
    await yielded
    const isReady = says(next, 'ready', READY_WITHIN_MS)
    tell(next, 'accept')
    if (await isReady) return this.#changed(this, 'ready')
    next.kill('SIGKILL')
    throw this.#failure('took over and ended; it is started again')
  }

  #spawn(): ChildProcess {
    const child = this.#launch()
    this.#pid = child.pid
    this.#state = { is: 'starting', child }
    this.#changed(this, `started as process ${child.pid}`)
    if (this.spec.sockets) void says(child, 'prepared').then((isPrepared) => isPrepared && tell(child, 'accept'))
    return child
  }

  #launch(): ChildProcess {
    const { log, sockets, command } = this.spec
    const { file, args, env, ...options } = command
    // Gone when somebody deleted the state directory meanwhile.
    if (log) mkdirSync(path.dirname(log), { recursive: true })
    const output = log ? openSync(log, 'a') : 'inherit'
    const child = spawn(file, args, {
      ...options,
      env: sockets ? { ...env, LISTEN_FDS: String(sockets.length), LISTEN_PID: '' } : env,
      stdio: ['ignore', output, output, ...(sockets ? [...sockets.map((each) => each.fd()), 'ipc' as const] : [])],
    })
    if (typeof output === 'number') closeSync(output)
    // A missing executable is an error without an exit: it counts as one.
    child.once('error', (error) => {
      if (log) appendFileSync(log, `${error.message}\n`)
      child.emit('exit', null, null)
    })
    child.once('exit', (code, signal) => this.#died(child, signal ?? `code ${code}`))
    return child
  }

  /** Resolves to what went wrong, or to undefined. */
  async #untilReady(child: ChildProcess): Promise<string | undefined> {
    const { sockets } = this.spec
    const saysReady = sockets && says(child, 'ready', READY_WITHIN_MS)
    const isReady = this.spec.isReady ?? (sockets && (() => saysReady))
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
    if (this.#beside.has(child)) {
      clearTimeout(this.#beside.get(child))
      this.#beside.delete(child)
      this.#changed(this, `process ${child.pid}, beside the one that serves, ended (${how})`)
      return
    }
    const { is } = this.#state
    if (is === 'stopped') {
      this.#changed(this, `stopped (${how})`)
      return
    }
    if (!(this.spec.isReady || this.spec.sockets) && child.exitCode === 0) {
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
    // While it drains it has them; after that nobody is to wait in vain.
    if (!this.#stopping.signal.aborted) for (const socket of this.spec.sockets ?? []) socket.close()
    this.#state = child ? { is: 'stopped', child } : { is: 'stopped' }
    this.#stopping.abort()
    const living = [child, ...this.#beside.keys()].filter(isLiving)
    const ended = living.map((each) => once(each, 'exit'))
    for (const each of living) this.#ask(each)
    if (insist) this.hurry()
    const deadline = setTimeout(() => living.map((each) => each.kill('SIGKILL')), Math.max(withinMs, 0))
    await Promise.all(ended)
    clearTimeout(deadline)
  }

  /** Repeats the signal of a `stop` under way until it is heard: two that come close together arrive as one. */
  hurry(): void {
    const child = this.#state.is === 'stopped' ? this.#state.child : undefined
    if (!isLiving(child)) return
    const again = setInterval(() => this.#ask(child), INSIST_EVERY_MS)
    child.once('exit', () => clearInterval(again))
  }

  /** Sends a signal to the process that serves; false where none does. One that is being started might die of it. */
  signal(name: NodeJS.Signals): boolean {
    return this.#state.is === 'ready' && this.#state.child.kill(name)
  }

  #ask(child: ChildProcess): void {
    child.kill(this.spec.stopSignal ?? 'SIGTERM')
  }

  #failure(trouble: string): StartError {
    const { name, log } = this.spec
    return new StartError(`${name} ${trouble}.${log ? `\n${lastLines(log)}` : ''}`)
  }
}

/** Whether it was started and has not ended. */
function isLiving(child: ChildProcess | undefined): child is ChildProcess {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
}

const LAST_LINES = 15

/** What a log ends with, indented. */
export function lastLines(file: string): string {
  const lines = (existsSync(file) ? readFileSync(file, 'utf8') : '').trimEnd().split('\n').slice(-LAST_LINES)
  return `Its log ${file} ends with:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
