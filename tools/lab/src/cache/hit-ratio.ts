/** How many requests, and how many of their bytes, a store's policies spare the origin: simulated, the same for a seed. */

import { lru, type Policy, s3Fifo, TtlCache } from '@spillway/ttl-cache'
import { seeded } from '@spillway/upstreams/simulation'
import { type Trace, traces } from './traces.ts'

export interface HitRatio {
  readonly trace: string
  /** Of what all the trace's entries would take together. */
  readonly room: number
  /** `equal`: 1 kB each; `unequal`: 100 B to 100 kB, small ones far more often. */
  readonly sizes: 'equal' | 'unequal'
  readonly policy: string
  /** Of the requests, 0 to 1. */
  readonly hitRatio: number
  /** Of the bytes asked for, 0 to 1. */
  readonly byteHitRatio: number
}

const POLICIES: Readonly<Record<string, Policy>> = { lru, 's3-fifo': s3Fifo }
const SWEPT_EVERY = 1000
const ROOMS = [0.01, 0.1, 0.5]
const SIZES: Readonly<Record<HitRatio['sizes'], (key: number) => number>> = {
  equal: () => 1000,
  unequal: (key) => 100 * 1000 ** (seeded(key)() ** 2),
}

/** Each trace in each room, with both kinds of sizes, under each policy. */
export function* hitRatios(seed = 1): Generator<HitRatio> {
  for (const trace of traces(seed)) {
    for (const [sizes, sizeOf] of Object.entries(SIZES) as [HitRatio['sizes'], (key: number) => number][]) {
      const { bytes } = replay(trace, sizeOf, { maxBytes: 2 ** 50, policy: lru })
      for (const room of ROOMS) {
        for (const [policy, how] of Object.entries(POLICIES)) {
          const { hitRatio, byteHitRatio } = replay(trace, sizeOf, { maxBytes: Math.round(bytes * room), policy: how })
          yield { trace: trace.name, room, sizes, policy, hitRatio, byteHitRatio }
        }
      }
    }
  }
}

function replay(
  { keys, lifetime }: Trace,
  sizeOf: (key: number) => number,
  room: { maxBytes: number; policy: Policy },
) {
  let now = 1
  // One entry may have all the room: at 1 % of it, the default would refuse the larger ones.
  const store = new TtlCache({ ...room, maxEntryBytes: room.maxBytes, clock: () => now })
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
  return { bytes, hitRatio: hits / keys.length, byteHitRatio: spared / asked }
}
