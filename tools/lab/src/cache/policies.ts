/** The part "hit-ratio": what the policies of the in-process store spare the origin, simulated over traces. */
import { setImmediate as breathe } from 'node:timers/promises'
import { percent, whole } from '../judging/figures.ts'
import { type HitRatio, hitRatios } from './hit-ratio.ts'
import type { FigurePart } from './part.ts'
import type { FigureSample } from './rows.ts'

type Figure = 'lru' | 's3' | 'gain' | 'lruBytes' | 's3Bytes'

export const policies: FigurePart<Figure> = {
  kind: 'figures',
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
  async measure({ rounds, signal, say }) {
    const samples: FigureSample<Figure>[] = []
    for (let round = 1; round <= rounds; round++) {
      const seen: HitRatio[] = []
      for (const ratio of hitRatios(round)) {
        seen.push(ratio)
        await breathe(undefined, { signal })
      }
      samples.push(...samplesOf(seen, round))
      say(`  round ${round}: ${whole(seen.length)} replays`)
    }
    return samples
  },
}

/** One for each trace, sizes and room, with both policies beside each other. */
export function samplesOf(ratios: readonly HitRatio[], round: number): FigureSample<Figure>[] {
  const groups = Map.groupBy(ratios, ({ trace, sizes, room }) => `${trace}, ${sizes} sizes, room for ${percent(room)}`)
  return [...groups].map(([row, group]) => {
    const of = (name: string) => group.find(({ policy }) => policy === name)
    const { hitRatio: lru = Number.NaN, byteHitRatio: lruBytes = Number.NaN } = of('lru') ?? {}
    const { hitRatio: s3 = Number.NaN, byteHitRatio: s3Bytes = Number.NaN } = of('s3-fifo') ?? {}
    return { row, round, figures: { lru, s3, gain: 100 * (s3 - lru), lruBytes, s3Bytes }, faults: [] }
  })
}

function share(value: number): string {
  return percent(Number(value.toPrecision(3)))
}
