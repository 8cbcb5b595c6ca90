import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyCandidates, circumstances, counted, sample, weighing } from '../../test/candidates.ts'
import { hash } from './hash.ts'

const keys = Array.from({ length: 4000 }, (_, at) => `user-${at}`)

it('moves the keys of an endpoint that leaves, and no other key', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(19), (size, gone) => {
      const all = Array.from({ length: size }, (_, at) => sample(at))
      const left = all.filter((_, at) => at !== gone % size)
      const policy = hash()
      let moved = 0
      for (const hashKey of keys) {
        const before = all[policy.choose(all, circumstances({ hashKey }))]
        const after = left[policy.choose(left, circumstances({ hashKey }))]
        if (before === all[gone % size]) moved++
        else expect(after).toBe(before)
      }
      expect(moved / keys.length).toBeGreaterThan(0.7 / size)
      expect(moved / keys.length).toBeLessThan(1.3 / size)
    }),
    { numRuns: 20 },
  )
})

it('spreads keys by weight, and the same in every process', () => {
  const shares = [0, 0, 0]
  for (const hashKey of keys) {
    const chosen = hash().choose(weighing([1, 2, 5]), circumstances({ hashKey }))
    expect(hash().choose(weighing([1, 2, 5]), circumstances({ hashKey }))).toBe(chosen)
    shares[chosen] = (shares[chosen] ?? 0) + 8 / keys.length
  }
  for (const [at, weight] of [1, 2, 5].entries()) {
    expect((shares[at] ?? 0) / weight).toBeGreaterThan(0.85)
    expect((shares[at] ?? 0) / weight).toBeLessThan(1.15)
  }
})

it('never sends to one over its bound while another is under it', () => {
  fc.assert(
    fc.property(
      anyCandidates,
      fc.string(),
      fc.double({ min: 1, max: 5, noNaN: true }),
      (candidates, hashKey, bound) => {
        const chosen = candidates[hash({ bound }).choose(candidates, circumstances({ hashKey }))]
        const inFlight = candidates.reduce((sum, candidate) => sum + candidate.inFlight, 1)
        const weight = candidates.reduce((sum, candidate) => sum + candidate.weight, 0)
        const most = Math.ceil(((bound * inFlight) / weight) * (chosen?.weight ?? 0) + 1e-6)
        expect((chosen?.inFlight ?? Number.NaN) + 1).toBeLessThanOrEqual(most)
      },
    ),
  )
})

it('holds a single hot key to one and a half shares of what is in flight', () => {
  const candidates = Array.from({ length: 10 }, (_, at) => sample(at))
  const policy = hash()
  for (let request = 1; request <= 1000; request++) {
    const chosen = candidates[policy.choose(candidates, circumstances({ hashKey: 'hot' }))]
    if (chosen) chosen.inFlight++
    expect(Math.max(...candidates.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(Math.ceil(request * 0.15))
  }
})

it('sends a key that is passed on to the same one each time', () => {
  const candidates = [sample(0), sample(1), sample(2), sample(3)]
  const policy = hash()
  const home = policy.choose(candidates, circumstances({ hashKey: 'mine' }))
  const full = candidates.map((candidate, at) => ({ ...candidate, inFlight: at === home ? 10 : 3 }))
  const next = policy.choose(full, circumstances({ hashKey: 'mine' }))
  const others = candidates.filter((_, at) => at !== home)
  expect(full[next]?.origin).toBe(others[policy.choose(others, circumstances({ hashKey: 'mine' }))]?.origin)
})

it('draws by weight without a key', () => {
  const around = circumstances()
  const policy = hash()
  const candidates = weighing([1, 3])
  const [light = 0] = counted(2, 4000, () => policy.choose(candidates, around))
  expect(Math.abs(light - 1000)).toBeLessThan(150)
})

it('refuses a bound that would leave a request to nobody', () => {
  expect(() => hash({ bound: 0.9 })).toThrow('bound is 0.9; it must be at least 1')
  expect(() => hash({ bound: Number.NaN })).toThrow('bound is NaN')
})
