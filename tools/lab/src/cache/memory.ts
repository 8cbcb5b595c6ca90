/** The part "memory": what 100,000 answers take in the cache service, and in a gateway's L1. */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { megabytes, whole } from '../judging/figures.ts'
import { seriesOf, sumOf } from '../measuring/metrics.ts'
import type { PartPlan } from '../measuring/part.ts'
import { figures } from './figures.ts'
import { type Member, startTestbed, type Testbed } from './testbed.ts'

const ITEMS = 100_000
const AT_ONCE = 64
const ORIGIN = { bytes: 1000, latencyMs: 0, caching: 'public, max-age=3600' }
const ROOM = '1GiB'
const COLLECT = fileURLToPath(import.meta.resolve('./processes/collect.ts'))
const NODE = ['--expose-gc', '--import', COLLECT]
/** Milliseconds within which a process has collected its garbage, and has a turn to tell of it. */
const COLLECTED_WITHIN = 3000

type Figure = 'resident' | 'heap' | 'outside' | 'each' | 'counted'

export const memory = figures<Figure>({
  isOnce: true,
  seconds: 0,
  title: `Memory of ${whole(ITEMS)} entries`,
  about: [
    `Growth over ${whole(ITEMS)} answers of ${whole(ORIGIN.bytes)} B, by the process's own metrics, garbage collected before and after; resident memory includes what V8 keeps for more. An entry's share is of heap and buffers. The room that the cache counts for it, by which it evicts, stands beside it.`,
  ],
  figures: {
    resident: { title: 'resident', as: megabytes },
    heap: { title: 'heap', as: megabytes },
    outside: { title: 'buffers', as: megabytes },
    each: { title: 'B an entry', as: whole },
    counted: { title: 'B counted', as: whole },
  },
  async *measure(plan) {
    for (let round = 1; round <= plan.rounds; round++) {
      const settings = { gateway: { L1_MAX_BYTES: ROOM }, cache: { CACHE_MAX_BYTES: ROOM }, node: NODE }
      await using bed = await startTestbed({ origin: ORIGIN, gateways: 1, ...settings }, plan)
      const [gateway] = bed.gateways as [Member]
      const before = [await lookAt(bed.cache), await lookAt(gateway)] as const
      const failed = await fill(gateway, bed, plan)
      const rows = [
        ['cache service', bed.cache, before[0]],
        ['L1 of a gateway', gateway, before[1]],
      ] as const
      for (const [row, member, from] of rows) {
        const to = await lookAt(member)
        const grown = (what: keyof typeof to) => to[what] - from[what]
        const [resident, heap, outside] = [grown('resident'), grown('heap'), grown('outside')]
        const seen = { resident, heap, outside, each: (heap + outside) / ITEMS, counted: to.counted / ITEMS }
        const faults = [
          ...(failed > 0 ? [`${failed} answers were missing`] : []),
          // L1 is emptied where its session ends, as it may on a machine that is too busy to keep one.
          ...(seen.counted < ORIGIN.bytes ? ['it does not hold all of them any more'] : []),
        ]
        yield { row, round, figures: seen, faults }
      }
    }
  },
})

async function lookAt(member: Member) {
  member.child.kill('SIGUSR2')
  await delay(COLLECTED_WITHIN)
  const series = await seriesOf(member)
  return {
    resident: sumOf(series, 'process_resident_memory_bytes'),
    heap: sumOf(series, 'nodejs_heap_size_used_bytes'),
    outside: sumOf(series, 'nodejs_external_memory_bytes'),
    counted: sumOf(series, 'spillway_cache_bytes') + sumOf(series, 'spillway_gateway_l1_bytes'),
  }
}

/** Each item once. Resolves to how many were not answered. */
async function fill({ url }: Member, { headers }: Testbed, { signal }: PartPlan): Promise<number> {
  const pool = new Pool(url, { connections: AT_ONCE, pipelining: 1 })
  let [next, failed] = [0, 0]
  const one = async () => {
    while (next < ITEMS && !signal.aborted) {
      const { statusCode, body } = await pool.request({ path: `/items/${next++}`, method: 'GET', headers })
      await body.dump()
      if (statusCode !== 200) failed++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  await pool.close()
  return failed
}
