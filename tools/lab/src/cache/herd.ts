/** The part "herd": a thousand clients ask three gateways for one item that no cache has. */
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { figure, whole } from '../judging/figures.ts'
import type { PartPlan } from '../measuring/part.ts'
import { percentile } from '../measuring/spread.ts'
import { type FigureSample, figures } from './figures.ts'
import { bodyOf } from './items.ts'
import { startTestbed, type Testbed } from './testbed.ts'

const CLIENTS = 1000
const GATEWAYS = 3
/** One after another, each for an item of its own. */
const HERDS = 5
const ORIGIN = { bytes: 1000, latencyMs: 100, caching: 'public, max-age=60' }
/** Milliseconds after which a gateway knows that its cache service is gone. */
const SESSION_ENDS = 2500
const TIMEOUT_MS = 20_000

type Figure = 'calls' | 'p50' | 'p99' | 'max' | 'failed'

export const herd = figures<Figure>({
  seconds: 0,
  title: 'A herd before one cold item',
  about: [
    `${whole(CLIENTS)} clients, each with a connection that is open already, ask ${GATEWAYS} gateways at the same moment for one item. The origin takes ${ORIGIN.latencyMs} ms and counts; the figure is that of the worst of ${HERDS} items. Without the cache service each gateway coalesces for itself, and who comes during a fill shares the next one.`,
  ],
  figures: {
    calls: { title: 'origin calls', as: whole },
    p50: { title: 'p50 ms', as: figure },
    p99: { title: 'p99 ms', as: figure },
    max: { title: 'max ms', as: figure },
    failed: { title: 'failed', as: whole },
  },
  async *measure(plan) {
    for (let round = 1; round <= plan.rounds; round++) {
      await using bed = await startTestbed({ origin: ORIGIN, gateways: GATEWAYS }, plan)
      await using clients = new Clients(bed)
      yield sampleOf('all is well', round, await herds(bed, clients, plan, 'well'), 1)
      bed.cache.child.kill('SIGKILL')
      await delay(SESSION_ENDS, undefined, { signal: plan.signal })
      yield sampleOf('the cache service is gone', round, await herds(bed, clients, plan, 'gone'))
    }
  },
})

type Seen = Readonly<Record<Figure, number>>

function sampleOf(row: string, round: number, seen: Seen, mayCall = Number.POSITIVE_INFINITY): FigureSample<Figure> {
  const faults = [
    ...(seen.calls > mayCall ? [`an item was asked for ${seen.calls} times at the origin`] : []),
    ...(seen.failed > 0 ? [`${seen.failed} clients had no answer, or a wrong one`] : []),
  ]
  return { row, round, figures: seen, faults }
}

async function herds(bed: Testbed, clients: Clients, { signal }: PartPlan, named: string): Promise<Seen> {
  await clients.ask(`/items/${named}-warm`)
  const times: number[] = []
  let [calls, failed] = [0, 0]
  for (let number = 1; number <= HERDS; number++) {
    signal.throwIfAborted()
    await bed.begin()
    const answered = await clients.ask(`/items/${named}-${number}`)
    calls = Math.max(calls, (await bed.counts()).most)
    failed += CLIENTS - answered.length
    times.push(...answered)
  }
  const sorted = Float64Array.from(times).sort()
  const at = (share: number) => percentile(sorted, share)
  return { calls, failed, p50: at(0.5), p99: at(0.99), max: at(1) }
}

class Clients implements AsyncDisposable {
  readonly #pools: Pool[]
  readonly #headers: Readonly<Record<string, string>>

  constructor({ gateways, headers }: Testbed) {
    const options = { pipelining: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
    this.#pools = gateways.map(({ url }) => new Pool(url, options))
    this.#headers = headers
  }

  /** All at once. Milliseconds of each right answer. */
  async ask(path: string): Promise<number[]> {
    const expected = bodyOf(1, ORIGIN.bytes)
    const asked = Array.from({ length: CLIENTS }, async (_, index) => {
      const began = performance.now()
      const pool = this.#pools[index % this.#pools.length] as Pool
      const { statusCode, body } = await pool.request({ path, method: 'GET', headers: this.#headers })
      if (statusCode !== 200 || (await body.text()) !== expected) throw new Error('a wrong answer')
      return performance.now() - began
    })
    const settled = await Promise.allSettled(asked)
    return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()))
  }
}
