import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seconds, truthful } from '../../test/sample.ts'
import { readCsv, writeCsv } from './csv.ts'

const amount = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map(Math.abs)
const processes = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.record({ cores: amount, memory: fc.nat() }, { noNullPrototype: true }),
  { noNullPrototype: true },
)
const second = fc.record({
  second: fc.nat(),
  requests: fc.nat(),
  failures: fc.nat(),
  average: amount,
  busy: amount,
  processes,
})

describe('CSV', () => {
  it('gives back what was written, whatever processes came and went and are called', () => {
    fc.assert(
      fc.property(fc.array(second, { maxLength: 8 }), (written) => {
        expect(readCsv(writeCsv(written), 'a.csv')).toEqual(written)
      }),
    )
  })

  it('has a line a second that other programs understand', () => {
    const [header, first] = writeCsv(seconds(truthful({ gateways: 1 }))).split('\n')
    expect(header).toBe(
      'second,requests,failures,average,busy,balancer cores,balancer memory,gateway-1 cores,gateway-1 memory,postgres cores,postgres memory',
    )
    expect(first).toBe('1,26,0,2200,0.35,0.3,90000000,0.5,120000000,0.2,200000000')
  })

  it.each([
    ['', /a\.csv line 1: the column "second" is missing/],
    ['second,requests\n', /a\.csv line 1: the column "failures" is missing/],
    ['second,requests,failures,average,busy\n1,2,0\n', /a\.csv line 2: 3 cells, not 5/],
    ['second,requests,failures,average,busy\n1,2,0,9,0\n2,x,0,9,0\n', /a\.csv line 3: "requests" is "x"/],
    ['second,requests,failures,average,busy\n1,2,0,,0\n', /a\.csv line 2: "average" is ""/],
    ['second,requests,failures,average,busy\n1,-2,0,9,0\n', /a\.csv line 2: "requests" is "-2"/],
    ['second,requests,failures,average,busy,db cores\n1,2,0,9,0,1\n', /a\.csv line 2: "db memory" is ""/],
  ])('names the line and the column of what is damaged: %j', (text, message) => {
    expect(() => readCsv(text, 'a.csv')).toThrow(message)
  })
})
