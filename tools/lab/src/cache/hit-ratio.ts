/** The part "hit-ratio": how many requests, and how many of their bytes, each policy of a store spares the origin. */

import { lru, type Policy, s3Fifo, TtlCache } from '@spillway/ttl-cache'
import { seeded } from '@spillway/upstreams/simulation'
import { figure, percent } from '../judging/figures.ts'
import type { FigurePart } from './part.ts'
import type { FigureSample } from './rows.ts'
import { type Trace, traces } from './traces.ts'

/** Of what all the trace's entries would take together. */
const ROOMS = [0.01, 0.1, 0.5]
const SIZES: Readonly<Record<string, (key: number) => number>> = {
  '1 kB each': () => 1000,
  // Small ones far more often.
  '100 B to 100 kB': (key) => 100 * 1000 ** (seeded(key)() ** 2),
}
/** As a service does each second. */
const SWEPT_EVERY = 1000

type Figure = 'lru' | 's3Fifo' | 'points' | 'lruBytes' | 's3FifoBytes'

export const hitRatio: FigurePart<Figure> = {
  kind: 'figures',
  seconds: 0,
  title: 'Hit ratio of the policies',
  about: [
    'Simulated, over the stores themselves: every key of a trace is asked for in turn, and stored where it is missing. The room is a share of what all entries would take, bookkeeping included. The same for the same round.',
  ],
  figures: {
    lru: { title: 'LRU', as: percent },
    s3Fifo: { title: 'S3-FIFO', as: percent },
    points: { title: 'points more', as: figure },
    lruBytes: { title: 'LRU, of the bytes', as: percent, isMore: true },
    s3FifoBytes: { title: 'S3-FIFO, of the bytes', as: percent, isMore: true },
  },
  async measure({ rounds, signal, say }) {
    const samples: FigureSample<Figure>[] = []
    for (let round = 1; round <= rounds; round++) {
      for (const trace of traces(round)) {
        for (const [sizes, sizeOf] of Object.entries(SIZES)) {
          signal.throwIfAborted()
          samples.push(...compare(trace, sizeOf).map((row) => ({ ...row, row: `${row.row}, ${sizes}`, round })))
        }
        say(`  ${trace.name}, round ${round}`)
      }
    }
    return samples
  },
}

function compare(trace: Trace, sizeOf: (key: number) => number): Omit<FigureSample<Figure>, 'round'>[] {
  const { bytes } = replay(trace, sizeOf, { maxBytes: 2 ** 50, policy: lru })
  return ROOMS.map((room) => {
    const maxBytes = Math.round(bytes * room)
    const recency = replay(trace, sizeOf, { maxBytes, policy: lru })
    const queues = replay(trace, sizeOf, { maxBytes, policy: s3Fifo })
    const figures = {
      lru: recency.hitRatio,
      s3Fifo: queues.hitRatio,
      points: 100 * (queues.hitRatio - recency.hitRatio),
      lruBytes: recency.byteHitRatio,
      s3FifoBytes: queues.byteHitRatio,
    }
    return { row: `${trace.name}, room for ${percent(room)}`, figures, faults: [] }
  })
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
    if (++now % SWEPT_EVERY === 0) store.sweep()
    const [name, bytes] = [String(key), sizeOf(key)]
    asked += bytes
    if (store.get(name)) spared += bytes
    else store.set(name, {}, { ttlMs: lifetime, bytes })
  }
  const { hits, bytes } = store.counters
  return { bytes, hitRatio: hits / keys.length, byteHitRatio: spared / asked }
}
