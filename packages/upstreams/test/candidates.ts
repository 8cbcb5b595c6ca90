/** Endpoints as tests give them to policies. */
import fc from 'fast-check'
import type { Candidate, Circumstances } from '../src/policies/policy.ts'
import { seeded } from '../src/simulation/chance.ts'

/** One that can be changed between choices. */
export type Sample = { -readonly [Key in keyof Candidate]: Candidate[Key] }

export function sample(at: number, differing: Partial<Candidate> = {}): Sample {
  return {
    origin: `http://10.0.0.${at}:5000`,
    weight: 1,
    inFlight: 0,
    latency: () => 30,
    said: undefined,
    ...differing,
  }
}

/** Samples with those weights. */
export function weighing(weights: readonly number[]): Sample[] {
  return weights.map((weight, at) => sample(at, { weight }))
}

export function circumstances(differing: Partial<Circumstances> = {}): Circumstances {
  return { now: 0, random: seeded(1), hashKey: undefined, ...differing }
}

export const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 })

/** Any endpoints in any state. */
export const anyCandidates = fc
  .array(
    fc.record({
      weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
      inFlight: fc.nat(1000),
      latency: fc.double({ min: 0, max: 60_000, noNaN: true }).map((ms) => () => ms),
      said: fc.option(fc.record({ inFlight: fc.nat(1000), latencyMs: fc.nat(5000), at: fc.nat(10_000) }), {
        nil: undefined,
      }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((states) => states.map((state, at) => sample(at, state)))

/** How often each was chosen. */
export function counted(size: number, choices: number, choose: () => number): number[] {
  const counts = Array.from({ length: size }, () => 0)
  for (let choice = 0; choice < choices; choice++) {
    const chosen = choose()
    counts[chosen] = (counts[chosen] ?? 0) + 1
  }
  return counts
}
