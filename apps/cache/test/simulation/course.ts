/** Courses of events as fast-check draws them, and the promise over each. */
import fc from 'fast-check'
import { Cluster, type Course, KEYS, KINDS, PATIENT, RATES, type Step } from './cluster.ts'

const GATEWAYS = 3

/** Mostly the same one, so that more than one thing befalls it. */
const g = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(GATEWAYS - 1) })
const key = fc.oneof({ weight: 2, arbitrary: fc.constant(KEYS[0]) }, { weight: 1, arbitrary: fc.constantFrom(...KEYS) })
const told = fc.constantFrom('both', 'gateway', 'service', 'none')
/** Which of a gateway's connections: all, its stream only, its entries only, its confirmations only. */
const kinds = fc.constantFrom(KINDS, ['stream'] as const, ['entries'] as const, ['sessions'] as const)
const ms = fc.integer({ min: 1, max: 5000 })
const patience = fc.oneof({ weight: 4, arbitrary: fc.constant(PATIENT) }, { weight: 1, arbitrary: fc.nat(500) })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('read'), g, key, patience }) },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('write'), g, key, purge: fc.constantFrom('url', 'key', 'tag', 'all') }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('refresh', 'soften'), g, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('part'), g, kinds, ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut'), g, kinds, told }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop', 'kill'), g, ms }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close'), g }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash'), told, ms: fc.nat(3000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze'), ms }) },
)

/** Most steps follow one another within the time that a message takes, so that they meet on the way. */
const after = fc.oneof(
  { weight: 6, arbitrary: fc.nat(20) },
  { weight: 4, arbitrary: fc.nat(400) },
  { weight: 1, arbitrary: ms },
)

const course: fc.Arbitrary<Course> = fc.record({
  seed: fc.noShrink(fc.integer()),
  rates: fc.array(fc.constantFrom(...RATES), { minLength: GATEWAYS + 1, maxLength: GATEWAYS + 1 }),
  steps: fc.array(fc.record({ after, step }), { minLength: 1, maxLength: 100, size: 'max' }),
})

/** What docs/cache.md promises: no old value after an acknowledged write, one lease a key, and an answer for everybody. */
export const promise = fc.asyncProperty(course, (drawn) => new Cluster(drawn).run(drawn.steps))
