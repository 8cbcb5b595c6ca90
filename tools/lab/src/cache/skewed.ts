/** The part "zipf": what of a skewed load reaches the origin, with and without early refresh, stale answers and L1. */
import { figure, share, whole } from '../judging/figures.ts'
import { LATE_MS, openLoad } from '../measuring/open-load.ts'
import { attempted, type PartPlan } from '../measuring/part.ts'
import type { OpenLoad } from '../measuring/processes/open-load.ts'
import { type FigureSample, figures } from './figures.ts'
import type { OriginCounts } from './processes/origin.ts'
import { startTestbed, type TestbedPlan } from './testbed.ts'

const GATEWAYS = 3
const TTL_S = 20
const PATHS = { prefix: '/items/', count: 100_000, skew: 0.99 }
const LATENCY_MS = 50
const STALE = `public, max-age=${TTL_S}, stale-while-revalidate=${TTL_S}`
const FRESH = `public, max-age=${TTL_S}`

type Variant = Partial<Pick<TestbedPlan, 'gateway' | 'route'>> & { readonly caching: string }
const NOT_EARLY = { route: 'earlyRefresh: 0' }
const VARIANTS: Readonly<Record<string, Variant>> = {
  'early refresh, stale-while-revalidate, L1': { caching: STALE },
  'without early refresh': { caching: STALE, ...NOT_EARLY },
  'without stale-while-revalidate': { caching: FRESH },
  'without either': { caching: FRESH, ...NOT_EARLY },
  'without L1': { caching: STALE, gateway: { L1_MAX_BYTES: '1B' } },
}

type Figure = 'hits' | 'l1' | 'l2' | 'stale' | 'waiting' | 'calls' | 'unchanged' | 'p50' | 'p99' | 'p999'

export const skewed = figures<Figure>({
  isOnce: true,
  seconds: 20,
  title: 'A skewed load',
  about: [
    `An open load of ${GATEWAYS} gateways in turn, in real time: ${whole(PATHS.count)} items by Zipf's law (${PATHS.skew}), a time to live of ${TTL_S} s, an origin that takes ${LATENCY_MS} ms. Each row begins with empty caches and one time to live that does not count. Hits are answers for which the client did not wait for the origin, stale ones among them. Waiting is the rest: asking the origin, or sharing somebody else's question.`,
  ],
  figures: {
    hits: { title: 'hits', as: share },
    l1: { title: 'L1', as: share },
    l2: { title: 'L2', as: share },
    stale: { title: 'stale', as: share },
    waiting: { title: 'waiting', as: share },
    calls: { title: 'origin calls/s', as: figure },
    unchanged: { title: '304 of them/s', as: figure, isMore: true },
    p50: { title: 'p50 ms', as: figure },
    p99: { title: 'p99 ms', as: figure },
    p999: { title: 'p99.9 ms', as: figure, isMore: true },
  },
  async *measure(plan) {
    for (let round = 1; round <= plan.rounds; round++) {
      for (const [row, variant] of Object.entries(VARIANTS)) {
        yield attempted({ row, round, figures: {} }, plan.signal, () => measureOne(row, variant, round, plan))
      }
    }
  },
})

async function measureOne(row: string, { caching, ...variant }: Variant, round: number, plan: PartPlan) {
  const origin = { bytes: 1000, latencyMs: LATENCY_MS, caching }
  await using bed = await startTestbed({ origin, gateways: GATEWAYS, ...variant }, plan)
  const asked = { urls: bed.gateways.map(({ url }) => url), headers: bed.headers, paths: PATHS, rate: plan.rate }
  await openLoad({ ...asked, seconds: TTL_S, seed: 1000 + round }, plan)
  await bed.begin()
  const load = await openLoad({ ...asked, seconds: plan.seconds, seed: round }, plan)
  return sampleOf(row, round, load, await bed.counts())
}

/** @param counts the origin's, of the same time */
export function sampleOf(row: string, round: number, load: OpenLoad, counts: OriginCounts): FigureSample<Figure> {
  const { l1 = 0, l2 = 0, stale = 0, waited = 0, origin = 0 } = load.from
  const all = l1 + l2 + stale + waited + origin
  const { p50, p99, p999 } = load
  const late = load.late > LATE_MS
  return {
    row,
    round,
    figures: {
      ...{ hits: (l1 + l2 + stale) / all, l1: l1 / all, l2: l2 / all, stale: stale / all },
      ...{ waiting: (waited + origin) / all, calls: counts.reads / load.seconds },
      ...{ unchanged: counts.unchanged / load.seconds, p50, p99, p999 },
    },
    doubts: late ? [`the client was late by ${figure(load.late)} ms at its p99: its times are the machine's`] : [],
    faults: Object.entries(load.failures).map(([kind, count]) => `${count} x ${kind}`),
  }
}
