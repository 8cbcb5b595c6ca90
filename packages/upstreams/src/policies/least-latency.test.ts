import { expect, it } from 'vitest'
import { circumstances, counted, sample } from '../../test/candidates.ts'
import { leastLatency } from './least-latency.ts'

it('herds: between two looks every request goes to the endpoint that was the fastest', () => {
  const candidates = Array.from({ length: 10 }, (_, at) => sample(at, { latency: () => 50 - at }))
  const policy = leastLatency()
  const counts = counted(10, 40, () => {
    const chosen = policy.choose(candidates, circumstances({ now: 100 }))
    const herded = candidates[chosen]
    // It has all of them in flight and is slow by it; that is not looked at.
    if (herded) Object.assign(herded, { inFlight: herded.inFlight + 1, latency: () => 5000 })
    return chosen
  })
  expect(counts).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 40])
  expect(policy.choose(candidates, circumstances({ now: 3100 }))).toBe(8)
})

it('looks again at once when its choice is gone', () => {
  const candidates = [sample(0, { latency: () => 1 }), sample(1, { latency: () => 2 }), sample(2)]
  const policy = leastLatency()
  expect(policy.choose(candidates, circumstances())).toBe(0)
  expect(policy.choose(candidates.slice(1), circumstances())).toBe(0)
})
