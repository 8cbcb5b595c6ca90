import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyCandidates, circumstances } from '../../test/candidates.ts'
import { exponential, percentile, seeded } from '../simulation/chance.ts'
import { type Run, type Simulation, simulate } from '../simulation/simulate.ts'
import { type PolicyName, policies } from './policies.ts'

const names = Object.keys(policies) as PolicyName[]

/** With two hundred keys for those that hash. */
function run(name: PolicyName, simulation: Omit<Simulation, 'policy'>): Run {
  return simulate({ hashKey: (random) => `${Math.floor(random() * 200)}`, ...simulation, policy: policies[name] })
}

function requestsOf({ server }: Run, wanted: number): number {
  return server.reduce((sum, at) => (at === wanted ? sum + 1 : sum), 0)
}

/** The most that any of the servers, or the wanted one, had in flight. */
function mostInFlight({ server, inFlight }: Run, wanted?: number): number {
  return inFlight.reduce(
    (most, each, at) => (wanted === undefined || server[at] === wanted ? Math.max(most, each) : most),
    0,
  )
}

describe.each(names)('%s', (name) => {
  it('always chooses one of the candidates, whatever they are and were', () => {
    fc.assert(
      fc.property(fc.array(anyCandidates, { minLength: 1 }), fc.integer(), fc.boolean(), (rounds, seed, keyed) => {
        const policy = policies[name]()
        const around = circumstances({ random: seeded(seed), now: 10_000, hashKey: keyed ? `${seed}` : undefined })
        for (const candidates of rounds) {
          for (const given of [candidates, candidates.slice(1), candidates.toReversed()]) {
            if (given.length > 0) expect(given[policy.choose(given, around)]).toBeDefined()
          }
        }
      }),
    )
  })
})

describe.each(names.filter((name) => name !== 'least-latency'))('%s', (name) => {
  it.each([
    { balancers: 1, serviceMs: 5, load: 0.7 },
    { balancers: 1, serviceMs: 300, load: 0.2 },
    { balancers: 1, serviceMs: 300, load: 0.7 },
    { balancers: 20, serviceMs: 300, load: 0.7 },
    { balancers: 100, serviceMs: 100, load: 0.5 },
  ])('does not rush at a new endpoint in its slow start: %o', ({ balancers, serviceMs, load }) => {
    const perSecond = (10 * 16 * 1000 * load) / serviceMs
    const joinsAt = (10_000 * 1000) / perSecond
    const servers = Array.from({ length: 10 }, (_, at) => ({
      concurrency: 16,
      serviceMs: exponential(serviceMs),
      ...(at === 9 ? { weight: 0.1, joinsAt } : {}),
    }))
    const joining = run(name, { servers, balancers, perSecond, requests: 12_000, seed: 11 })
    const { sentAt, server } = joining
    const joined = sentAt.findIndex((at) => at >= joinsAt)
    const first = server.subarray(joined, joined + 1000).reduce((sum, at) => (at === 9 ? sum + 1 : sum), 0)
    // Its share is about 1 % by its weight, and would be 10 % by its number.
    expect(first).toBeLessThan(100)
    expect(mostInFlight(joining, 9)).toBeLessThan(16)
  })
})

it('least-latency rushes at a new endpoint', () => {
  const servers = Array.from({ length: 10 }, (_, at) => ({
    concurrency: 16,
    serviceMs: exponential(300),
    joinsAt: at === 9 ? 60_000 : 0,
  }))
  const rushing = run('least-latency', { servers, perSecond: 100, requests: 12_000, seed: 11 })
  expect(mostInFlight(rushing, 9)).toBeGreaterThan(100)
})

describe.each(['p2c-ewma', 'prequal'] as const)('%s', (name) => {
  it.each([
    { endpoints: 2, balancers: 1, says: true },
    { endpoints: 2, balancers: 20, says: false },
    { endpoints: 4, balancers: 1, says: false },
    { endpoints: 10, balancers: 20, says: true },
  ])('gives an endpoint that fails fast far less than its share: %o', ({ endpoints, ...rest }) => {
    const servers = Array.from({ length: endpoints }, (_, at) => ({
      concurrency: 16,
      serviceMs: exponential(at === 0 ? 1 : 20),
      fails: at === 0,
    }))
    const failing = run(name, { servers, perSecond: 100 * endpoints, requests: 10_000, seed: 3, ...rest })
    expect(requestsOf(failing, 0) / 10_000).toBeLessThan(0.1 / endpoints)
  })

  it.each([
    { says: true, most: 0.2 },
    // Without reports prequal is left with what one balancer knows.
    { says: false, most: name === 'prequal' ? 0.25 : 0.2 },
  ])('has a fraction of the p99 of round robin where one of four is ten times slower: %o', ({ says, most }) => {
    const servers = [10, 10, 10, 100].map((ms) => ({ concurrency: 16, serviceMs: exponential(ms) }))
    const simulation = { servers, perSecond: 400, requests: 20_000, seed: 7, says }
    const [turns, chosen] = [run('round-robin', simulation), run(name, simulation)]
    expect(percentile(chosen.latencyMs, 0.99) / percentile(turns.latencyMs, 0.99)).toBeLessThan(most)
  })
})

it.each(['p2c-ewma', 'prequal', 'least-inflight'] as const)(
  '%s keeps its p99 where round robin sends one of four, ten times slower, more than it can do',
  (name) => {
    const servers = [10, 10, 10, 100].map((ms) => ({ concurrency: 4, serviceMs: exponential(ms) }))
    const simulation = { servers, perSecond: 600, requests: 20_000, seed: 7 }
    const [turns, chosen] = [run('round-robin', simulation), run(name, simulation)]
    expect(percentile(chosen.latencyMs, 0.99) / percentile(turns.latencyMs, 0.99)).toBeLessThan(0.2)
  },
)

it.each(['least-inflight', 'p2c-ewma', 'prequal'] as const)('%s does not herd in a busy cluster', (name) => {
  const servers = Array.from({ length: 10 }, () => ({ concurrency: 16, serviceMs: exponential(5) }))
  for (const says of [true, false]) {
    expect(mostInFlight(run(name, { servers, perSecond: 22_400, requests: 20_000, seed: 7, says }))).toBeLessThan(64)
  }
})

it.each(['round-robin', 'least-inflight', 'p2c-ewma', 'prequal'] as const)(
  '%s serves no worse than chance where a hundred balancers know nothing of each other',
  (name) => {
    const servers = Array.from({ length: 100 }, () => ({ concurrency: 4, serviceMs: exponential(100) }))
    const simulation = { servers, balancers: 100, perSecond: 3200, requests: 40_000, seed: 1 }
    const [chance, chosen] = [run('random', simulation), run(name, simulation)]
    expect(percentile(chosen.latencyMs, 0.99)).toBeLessThan(percentile(chance.latencyMs, 0.99))
  },
)
