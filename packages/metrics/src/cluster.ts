/** `/metrics` of a node:cluster primary and its workers as one: whichever worker is asked answers the sum over all. */
import type { Cluster, Worker } from 'node:cluster'
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

/** All metrics of one process at one moment. */
type Snapshot = MetricObjectWithValues<MetricValue<string>>[]

/** What both ends tell each other over Node's channel; `id` pairs a question with its answer. */
type ToPrimary =
  | { metrics: 'here' }
  | { metrics: 'sum wanted'; id: number }
  | { metrics: 'snapshot'; id: number; snapshot: Snapshot }
type ToWorker = { metrics: 'snapshot wanted'; id: number } | { metrics: 'sum'; id: number; text: string }

/** A worker that is silent for longer counts as it was last seen. */
const SNAPSHOT_WITHIN_MS = 1_000
const SUM_WITHIN_MS = 3_000

/**
 * The primary's part: answers each worker that wants the sum. That is of the primary, of the workers that live, and of the
 * counters and histograms of those that died, as they were last seen: no total falls when a worker is replaced.
 */
export class ClusterMetrics {
  readonly #cluster: Cluster
  readonly #registry: Registry
  /** Of each living worker that has said it is here, by its id: the newest snapshot. */
  readonly #seen = new Map<number, Snapshot>()
  #dead: Snapshot = []
  /** Who waits for a snapshot, by the question's id. */
  readonly #waiting = new Map<number, () => void>()
  #lastId = 0

  /** The cluster's `serialization` must be `advanced`: JSON has no NaN, which a gauge can be. */
  constructor(cluster: Cluster, registry: Registry) {
    this.#cluster = cluster
    this.#registry = registry
    cluster.on('message', (worker: Worker, message: ToPrimary) => this.#hear(worker, message))
    cluster.on('exit', (worker) => this.#bury(worker))
  }

  /** Prometheus' text, from a snapshot of each living worker. */
  async sum(): Promise<string> {
    const workers = [...this.#seen.keys()].map((id) => this.#cluster.workers?.[id])
    await Promise.all(workers.map((worker) => worker && this.#look(worker)))
    const own = (await this.#registry.getMetricsAsJSON()).map(startedFirst)
    return AggregatorRegistry.aggregate([own, this.#dead, ...this.#seen.values()]).metrics()
  }

  #hear(worker: Worker, message: ToPrimary): void {
    if (message?.metrics === 'here') this.#seen.set(worker.id, [])
    else if (message?.metrics === 'snapshot') {
      // What arrives after a worker's end is of one that is buried already.
      if (!worker.isDead()) this.#seen.set(worker.id, message.snapshot)
      this.#waiting.get(message.id)?.()
    } else if (message?.metrics === 'sum wanted') {
      void this.sum().then((text) => tell(worker, { metrics: 'sum', id: message.id, text }))
    }
  }

  /** Resolves when the worker has shown its metrics, cannot any more, or takes too long. */
  async #look(worker: Worker): Promise<void> {
    const id = ++this.#lastId
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, SNAPSHOT_WITHIN_MS)
    worker.once('exit', resolve)
    this.#waiting.set(id, resolve)
    tell(worker, { metrics: 'snapshot wanted', id })
    await promise
    this.#waiting.delete(id)
    worker.off('exit', resolve)
    clearTimeout(timer)
  }

  #bury(worker: Worker): void {
    const last = this.#seen.get(worker.id) ?? []
    this.#seen.delete(worker.id)
    const grown = last.filter(({ type }) => GROWING.has(String(type)))
    // An aggregated metric carries its values, as a snapshot does.
    this.#dead = AggregatorRegistry.aggregate([this.#dead, grown]).getMetricsAsArray() as unknown as Snapshot
  }
}

/** Only these outlive a process; a gauge tells of now. */
const GROWING = new Set(['counter', 'histogram'])

/** The service started when its first process did; prom-client leaves this one out of sums. */
function startedFirst<T extends { name: string }>(metric: T): T {
  return metric.name === 'process_start_time_seconds' ? { ...metric, aggregator: 'min' } : metric
}

/** To a worker that is going nothing arrives, which is no failure. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/**
 * A worker's part: shows its metrics to the primary. Returns what reads the sum, for `/metrics`, which
 * throws where the primary does not answer within 3 s.
 */
export function clusterMetrics(process: NodeJS.Process, registry: Registry): () => Promise<string> {
  const waiting = new Map<number, (text: string) => void>()
  let lastId = 0
  const send = (message: ToPrimary) => process.send?.(message, undefined, undefined, () => {})

  process.on('message', async (message: ToWorker) => {
    if (message?.metrics === 'sum') waiting.get(message.id)?.(message.text)
    else if (message?.metrics === 'snapshot wanted') {
      send({ metrics: 'snapshot', id: message.id, snapshot: await registry.getMetricsAsJSON() })
    }
  })

  send({ metrics: 'here' })

  return async () => {
    const id = ++lastId
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    waiting.set(id, resolve)
    const timer = setTimeout(
      () => reject(new Error(`the primary did not sum the metrics within ${SUM_WITHIN_MS} ms`)),
      SUM_WITHIN_MS,
    )
    send({ metrics: 'sum wanted', id })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      waiting.delete(id)
    }
  }
}
