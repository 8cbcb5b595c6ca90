/** `@spillway/upstreams/simulation`: tries a policy, one's own too, against servers in virtual time. */
export { type PolicyName, policies } from '../policies/policies.ts'
export type { Policy } from '../policies/policy.ts'
export { exponential, percentile, seeded } from './chance.ts'
export type { Server } from './server.ts'
export { type Run, type Simulation, simulate } from './simulate.ts'
