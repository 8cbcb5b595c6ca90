/** The part "purge": how long a writer waits until no gateway can serve what was there before. */
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { figure, whole } from '../judging/figures.ts'
import { LATE_MS, openLoad } from '../measuring/open-load.ts'
import { attempted, type PartPlan } from '../measuring/part.ts'
import { percentile } from '../measuring/spread.ts'
import { type FigureSample, figures } from './figures.ts'
import { versionOf } from './items.ts'
import { startTestbed, type Testbed } from './testbed.ts'

const GATEWAYS = 3
const ITEMS = 1000
const ORIGIN = { bytes: 1000, latencyMs: 0, caching: 'public, max-age=60' }
/** Milliseconds from one purge to the next, whatever became of those before. */
const EVERY_MS = 20
/** No purge is answered before the service's epoch is 2 s old. */
const EPOCH_MS = 2500

type Figure = 'p50' | 'p99' | 'max' | 'purges' | 'stale' | 'failed'

export const purge = figures<Figure>({
  seconds: 10,
  title: 'From a purge to its answer',
  about: [
    `One every ${EVERY_MS} ms, through ${GATEWAYS} gateways in turn: \`POST /admin/cache/purge\` of one item, or a \`PUT\` whose answer waits for its purge (the origin's share included). Under load the gateways also answer reads of ${whole(ITEMS)} items. After each write the item is read through the other gateways: an older version counts as stale, and none may be.`,
  ],
  figures: {
    p50: { title: 'p50 ms', as: figure },
    p99: { title: 'p99 ms', as: figure },
    max: { title: 'max ms', as: figure },
    purges: { title: 'answered', as: whole },
    stale: { title: 'stale reads', as: whole },
    failed: { title: 'failed', as: whole },
  },
  async *measure(plan) {
    await using bed = await startTestbed({ origin: ORIGIN, gateways: GATEWAYS }, plan)
    await delay(EPOCH_MS, undefined, { signal: plan.signal })
    for (let round = 1; round <= plan.rounds; round++) {
      const rows = [
        ['purges, no load', purgeItem, 0],
        ['purges under load', purgeItem, plan.rate],
        ['writes under load', writeItem, plan.rate],
      ] as const
      for (const [row, act, rate] of rows) {
        yield attempted({ row, round, figures: {} }, plan.signal, () =>
          measureOne({ row, round, act, rate }, bed, plan),
        )
      }
    }
  },
})

interface One {
  readonly row: string
  readonly round: number
  readonly act: Act
  readonly rate: number
}

async function measureOne({ row, round, act, rate }: One, bed: Testbed, plan: PartPlan): Promise<FigureSample<Figure>> {
  const asked = { urls: bed.gateways.map(({ url }) => url), headers: bed.headers, seconds: plan.seconds, seed: round }
  const paths = { prefix: '/items/', count: ITEMS, skew: 0.99 }
  const load = rate > 0 ? openLoad({ ...asked, paths, rate }, plan) : undefined
  // Its failure is told below; the purges go on meanwhile.
  load?.catch(() => {})
  const { times, stale, failed } = await actAll(act, bed, plan)
  const late = (await load)?.late ?? 0
  const failures = Object.entries((await load)?.failures ?? {}).map(([kind, count]) => `${count} reads: ${kind}`)
  const sorted = Float64Array.from(times).sort()
  return {
    row,
    round,
    figures: {
      ...{ p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) },
      ...{ purges: times.length, stale, failed },
    },
    doubts: late > LATE_MS ? [`the load was late by ${figure(late)} ms at its p99: the machine was busy`] : [],
    faults: [
      ...(stale > 0 ? [`${stale} reads after a write were stale`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...failures,
    ],
  }
}

/** Resolves to how many stale reads followed. */
type Act = (item: string, through: Pool, others: readonly Pool[], headers: Testbed['headers']) => Promise<Acted>
interface Acted {
  readonly ms: number
  readonly stale: number
}

async function actAll(act: Act, { gateways, headers }: Testbed, { seconds, signal }: PartPlan) {
  const pools = gateways.map(({ url }) => new Pool(url, { pipelining: 1 }))
  const acting: Promise<Acted>[] = []
  const began = performance.now()
  for (let number = 0; number * EVERY_MS < seconds * 1000; number++) {
    await delay(Math.max(0, began + number * EVERY_MS - performance.now()), undefined, { signal })
    const through = pools[number % pools.length] as Pool
    const others = pools.filter((pool) => pool !== through)
    acting.push(act(`/items/${number % ITEMS}`, through, others, headers))
  }
  const settled = await Promise.allSettled(acting)
  await Promise.all(pools.map((pool) => pool.close()))
  const acted = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  return {
    times: acted.map(({ ms }) => ms),
    stale: acted.reduce((sum, { stale }) => sum + stale, 0),
    failed: settled.length - acted.length,
  }
}

const purgeItem: Act = async (item, through, _others, headers) => {
  const type = { 'content-type': 'application/json' }
  const began = performance.now()
  const options = { method: 'POST', path: '/admin/cache/purge', headers: { ...headers, ...type } } as const
  const { statusCode, body } = await through.request({ ...options, body: JSON.stringify({ keys: [item] }) })
  await body.dump()
  if (statusCode !== 204) throw new Error(`a purge was answered ${statusCode}`)
  return { ms: performance.now() - began, stale: 0 }
}

const writeItem: Act = async (item, through, others, headers) => {
  const began = performance.now()
  const { statusCode, body } = await through.request({ method: 'PUT', path: item, headers })
  const version = versionOf(await body.text())
  const ms = performance.now() - began
  if (statusCode !== 200) throw new Error(`a write was answered ${statusCode}`)
  const read = await Promise.all(
    others.map(async (other) => {
      const answer = await other.request({ method: 'GET', path: item, headers })
      return versionOf(await answer.body.text())
    }),
  )
  return { ms, stale: read.filter((seen) => seen < version).length }
}
