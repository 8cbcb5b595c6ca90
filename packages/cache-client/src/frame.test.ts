import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameError, frame, open, seal } from './frame.ts'
import { freshOnly } from './windows.ts'

const entries = fc.record({
  key: fc.string({ unit: 'grapheme' }),
  status: fc.integer({ min: 100, max: 599 }),
  headers: fc.array(fc.tuple(fc.string(), fc.string({ unit: 'grapheme' }))),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  windows: fc.record({
    fresh: fc.nat(),
    whileRevalidate: fc.nat(),
    ifError: fc.nat(),
    ifAsked: fc.nat(),
    keep: fc.nat(),
  }),
  fillMs: fc.nat(),
  tags: fc.array(fc.string({ unit: 'grapheme' })),
  vary: fc.array(fc.string()),
})

describe('a frame', () => {
  it('gives back the entry, older by nothing but the age stated', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (entry, age) => {
        expect(open(frame(seal(entry), age), 7)).toEqual({ ...entry, ageMs: age, at: 7 })
      }),
    )
  })

  it('is read into memory of its own, so that an entry that is kept keeps nothing else', () => {
    const entry = { key: 'k', status: 200, headers: [], body: Buffer.from('a body'), tags: [], vary: [], fillMs: 0 }
    const bytes = frame(seal({ ...entry, windows: freshOnly(1000) }), 0)
    expect(bytes.buffer.byteLength).toBeGreaterThan(bytes.length)
    expect(open(bytes, 0).body.buffer.byteLength).toBe(6)
  })

  it('cut short, lengthened or with any byte changed is an error, never another entry', () => {
    fc.assert(
      fc.property(entries, fc.nat(), fc.integer({ min: 1, max: 255 }), (entry, place, flip) => {
        const bytes = frame(seal(entry), 10)
        const changed = Buffer.from(bytes)
        const at = place % bytes.length
        changed[at] = (changed[at] as number) ^ flip
        expect(() => open(changed, 0)).toThrow(FrameError)
        expect(() => open(bytes.subarray(0, at), 0)).toThrow(FrameError)
        expect(() => open(Buffer.concat([bytes, Buffer.from([flip])]), 0)).toThrow(FrameError)
      }),
      { numRuns: 500 },
    )
  })

  it('of anything at all is an error, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => open(Buffer.from(bytes), 0)).toThrow(FrameError)
      }),
    )
  })
})
