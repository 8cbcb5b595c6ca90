/** How many requests, and how many of their bytes, a store's policies spare the origin: simulated, the same for a seed. */
import { lru, type Policy, s3Fifo, TtlCache } from '@spillway/ttl-cache'
import { seeded } from '@spillway/upstreams/simulation'
import { percent } from '../judging/figures.ts'
import { type Trace, traces } from './traces.ts'

/** Of what was asked for, 0 to 1. */
interface Spared {
  readonly requests: number
  readonly bytes: number
}

export interface HitRatio {
  /** The trace, the sizes of its entries, and the room there is, as a share of what all of them would take together. */
  readonly row: string
  readonly lru: Spared
  readonly s3: Spared
}

const SWEPT_EVERY = 1000
const ROOMS = [0.01, 0.1, 0.5]
/** 1 kB each; 100 B to 100 kB, small ones far more often. */
const SIZES: Readonly<Record<string, (key: number) => number>> = {
  equal: () => 1000,
  unequal: (key) => 100 * 1000 ** (seeded(key)() ** 2),
}

/** Each trace in each room, with both kinds of sizes, under both policies. */
export function* hitRatios(seed = 1): Generator<HitRatio> {
  for (const trace of traces(seed)) {
    for (const [sizes, sizeOf] of Object.entries(SIZES)) {
      const { stored } = replay(trace, sizeOf, 2 ** 50, lru)
      for (const room of ROOMS) {
        const of = (policy: Policy) => replay(trace, sizeOf, Math.round(stored * room), policy).spared
        yield { row: `${trace.name}, ${sizes} sizes, room for ${percent(room)}`, lru: of(lru), s3: of(s3Fifo) }
      }
    }
  }
}

function replay({ keys, lifetime }: Trace, sizeOf: (key: number) => number, maxBytes: number, policy: Policy) {
  let now = 1
  // One entry may have all the room: at 1 % of it, the default would refuse the larger ones.
  const store = new TtlCache({ policy, maxBytes, maxEntryBytes: maxBytes, clock: () => now })
  let [asked, spared] = [0, 0]
  for (const key of keys) {
    // As a service sweeps every second.
    if (++now % SWEPT_EVERY === 0) store.sweep()
    const [name, bytes] = [String(key), sizeOf(key)]
    asked += bytes
    if (store.get(name)) spared += bytes
    else store.set(name, {}, { ttlMs: lifetime, bytes })
  }
  const { hits, bytes } = store.counters
  return { stored: bytes, spared: { requests: hits / keys.length, bytes: spared / asked } satisfies Spared }
}
