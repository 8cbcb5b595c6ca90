/** The processes that do the work, as the primary sees them: started, replaced when they die, stopped together. */
import type { Address, Cluster, Worker } from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import { Counter, Gauge } from '@spillway/metrics'
import { nextCrash, type ServiceContext } from '@spillway/service'
import type { Word } from './words.ts'

/** After a signal to all processes has ended the first. */
const HEARD_WITHIN_MS = 250
/** A process drains and cuts what is under way by itself; one that is not gone then hangs. */
const STOP_WITHIN_MS = 10_000

/** From the fork to the end. */
interface Life {
  worker: Worker
  /** Undefined where it ended before. */
  listening: Promise<Address | undefined>
  /** How it ended, and for how many milliseconds it had listened. */
  ended: Promise<{ how: string; upMs: number }>
}

/**
 * ```
 * starting --all listen--> up --stop--> stopping --all gone--> (exit code 0)
 *     |--one dies--> (exit code 1)          \--10 s--> (killed, exit code 1)
 *     \--stop--> stopping
 * ```
 */
export class Processes {
  readonly #cluster: Cluster
  readonly #wanted: number
  readonly #logger: ServiceContext['logger']
  readonly #restarts: Counter
  readonly #stopping = new AbortController()
  #up = 0
  #started = false
  #exitCode = 0

  constructor(cluster: Cluster, wanted: number, { logger, registry }: Pick<ServiceContext, 'logger' | 'registry'>) {
    this.#cluster = cluster
    this.#wanted = wanted
    this.#logger = logger
    const registers = [registry]
    const up = () => this.#up
    new Gauge({
      name: 'spillway_microservice_processes',
      help: 'Processes that listen.',
      registers,
      collect() {
        this.set(up())
      },
    })
    this.#restarts = new Counter({
      name: 'spillway_microservice_restarts_total',
      help: 'Processes that were started in the place of one that died.',
      registers,
    })
  }

  /** Starts them and looks after them. Resolves to the exit code when all are gone, as asked or for want of a start. */
  async run(): Promise<number> {
    // One alone first: what keeps it from starting would keep all, and is said once.
    const first = this.#fork()
    const lives = [first]
    const address = await first.listening
    if (address) lives.push(...Array.from({ length: this.#wanted - 1 }, () => this.#fork()))
    const all = (await Promise.all(lives.map(({ listening }) => listening))).every((each) => each !== undefined)
    // Ctrl-C goes to all processes at once: that it ended the others may be seen before it is heard here.
    if (!all) await delay(HEARD_WITHIN_MS, undefined, { signal: this.#stopping.signal }).catch(() => {})
    if (!(all || this.#stopping.signal.aborted)) return this.#giveUp(lives)
    if (all) this.#logger.info({ processes: this.#wanted, port: address?.port }, 'all processes listen')
    await Promise.all(lives.map((life) => this.#keep(life)))
    return this.#exitCode
  }

  /** Asks all to drain and end; asked again, they skip the time in which they still take requests. */
  stop(asked: string): void {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort()
      this.#logger.info({ asked }, 'stopping')
      // The end of the process is the end of this timer, too.
      setTimeout(() => {
        this.#logger.fatal(`what had not stopped after ${STOP_WITHIN_MS} ms is killed`)
        this.#exitCode = 1
        this.#kill()
      }, STOP_WITHIN_MS)
    }
    this.#tell({ word: 'stop', asked })
  }

  #fork(): Life {
    const worker = this.#cluster.fork()
    const listening = Promise.withResolvers<Address | undefined>()
    const ended = Promise.withResolvers<{ how: string; upMs: number }>()
    let since: number | undefined
    const end = (how: string) => {
      if (since !== undefined) this.#count(-1)
      listening.resolve(undefined)
      ended.resolve({ how, upMs: since === undefined ? 0 : performance.now() - since })
    }
    worker.once('listening', (address) => {
      since = performance.now()
      this.#count(1)
      listening.resolve(address)
    })
    worker.once('exit', (code, signal) => end(signal ?? `code ${code}`))
    // One that could not be made has no exit.
    worker.on('error', (error) => worker.process.pid === undefined && end(error.message))
    return { worker, listening: listening.promise, ended: ended.promise }
  }

  /** Replaces the process each time it dies, until all are stopped. */
  async #keep(life: Life): Promise<void> {
    let crashes = 0
    for (let current = life; ; current = this.#fork()) {
      const { how, upMs } = await current.ended
      if (this.#stopping.signal.aborted) return
      const { count, delayMs } = nextCrash(crashes, upMs)
      crashes = count
      const { pid } = current.worker.process
      this.#logger.error({ process: pid, how }, `process ${pid} ended (${how}); another one starts in ${delayMs} ms`)
      await delay(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => {})
      if (this.#stopping.signal.aborted) return
      this.#restarts.inc()
    }
  }

  async #giveUp(lives: readonly Life[]): Promise<number> {
    this.#stopping.abort()
    this.#kill()
    const ends = await Promise.all(lives.map(({ ended }) => ended))
    this.#logger.fatal({ ends: ends.map(({ how }) => how) }, 'could not start: a process ended before it listened')
    return 1
  }

  #count(change: 1 | -1): void {
    this.#up += change
    this.#started ||= this.#up === this.#wanted
    this.#tell({ word: 'standing', standing: { up: this.#up, wanted: this.#wanted, started: this.#started } })
  }

  #tell(word: Word): void {
    for (const worker of this.#workers()) {
      // To one that is going nothing arrives, which is no failure.
      if (worker.isConnected()) worker.send(word, () => {})
    }
  }

  #kill(): void {
    for (const worker of this.#workers()) worker.process.kill('SIGKILL')
  }

  #workers(): Worker[] {
    return Object.values(this.#cluster.workers ?? {}).filter((worker) => worker !== undefined)
  }
}
