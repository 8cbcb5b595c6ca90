/** The part "hit-ratio": what the policies of the in-process store spare the origin, simulated over traces. */
import { setImmediate as breathe } from 'node:timers/promises'
import { share } from '../judging/figures.ts'
import { type FigureSample, figures } from './figures.ts'
import { type HitRatio, hitRatios } from './hit-ratio.ts'

type Figure = 'lru' | 's3' | 'gain' | 'lruBytes' | 's3Bytes'

export const policies = figures<Figure>({
  isOnce: true,
  seconds: 0,
  title: 'LRU and S3-FIFO',
  about: [
    'Hit ratios of the store that both tiers are, simulated: no process, no time. Each round has traces of another seed. Room is what fits of all that is asked for; sizes are 1 kB each, or 100 B to 100 kB, small ones far more often. The gain is in points.',
  ],
  figures: {
    lru: { title: 'LRU', as: share },
    s3: { title: 'S3-FIFO', as: share },
    gain: { title: 'gain', as: (points) => points.toFixed(1) },
    lruBytes: { title: 'bytes, LRU', as: share, isMore: true },
    s3Bytes: { title: 'bytes, S3-FIFO', as: share, isMore: true },
  },
  async *measure({ rounds, signal }) {
    for (let round = 1; round <= rounds; round++) {
      for (const seen of hitRatios(round)) {
        yield sampleOf(seen, round)
        await breathe(undefined, { signal })
      }
    }
  },
})

/** Both policies beside each other. */
export function sampleOf({ row, lru, s3 }: HitRatio, round: number): FigureSample<Figure> {
  const gain = 100 * (s3.requests - lru.requests)
  const bytes = { lruBytes: lru.bytes, s3Bytes: s3.bytes }
  return { row, round, figures: { lru: lru.requests, s3: s3.requests, gain, ...bytes }, faults: [] }
}
