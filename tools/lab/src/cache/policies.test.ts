import { expect, it } from 'vitest'
import { samplesOf } from './policies.ts'

it('sets both policies beside each other, for each trace, sizes and room', () => {
  const ratio = { trace: 'Zipf 0.9', sizes: 'equal', byteHitRatio: 0.25 } as const
  const samples = samplesOf(
    [
      { ...ratio, room: 0.1, policy: 'lru', hitRatio: 0.5 },
      { ...ratio, room: 0.1, policy: 's3-fifo', hitRatio: 0.75 },
      { ...ratio, room: 0.5, policy: 'lru', hitRatio: 0.75 },
      { ...ratio, room: 0.5, policy: 's3-fifo', hitRatio: 0.75 },
    ],
    1,
  )
  expect(samples.map(({ row, figures }) => [row, figures.lru, figures.s3, figures.gain])).toEqual([
    ['Zipf 0.9, equal sizes, room for 10 %', 0.5, 0.75, 25],
    ['Zipf 0.9, equal sizes, room for 50 %', 0.75, 0.75, 0],
  ])
})
