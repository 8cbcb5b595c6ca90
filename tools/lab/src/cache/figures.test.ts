import { expect, it } from 'vitest'
import { figureRows } from './figures.ts'

const sample = (round: number, ms: number, more: { doubts?: string[]; faults?: string[] } = {}) => ({
  ...{ row: 'three gateways', round, figures: { ms }, faults: [] },
  ...more,
})

it('has for each figure the median of all rounds, with its spread', () => {
  expect(figureRows([sample(2, 5), sample(1, 1), sample(3, 3)])).toEqual([
    { row: 'three gateways', figures: { ms: { median: 3, min: 1, max: 5 } }, verdict: 'valid', reasons: [] },
  ])
})

it('is doubtful where a round is, and invalid where one broke a promise, and says which', () => {
  const doubtful = sample(1, 1, { doubts: ['the client was late'] })
  expect(figureRows([doubtful])[0]).toMatchObject({ verdict: 'doubtful', reasons: ['round 1: the client was late'] })
  expect(figureRows([doubtful, sample(2, 2, { faults: ['2 origin calls'] })])[0]).toMatchObject({
    verdict: 'invalid',
    reasons: ['round 2: 2 origin calls', 'round 1: the client was late'],
  })
})

it('stands although nothing could be measured', () => {
  expect(figureRows([{ row: 'a', round: 1, figures: {}, faults: ['it did not start'] }])).toEqual([
    { row: 'a', figures: {}, verdict: 'invalid', reasons: ['round 1: it did not start'] },
  ])
})
