/** How one of several usable endpoints is chosen: each policy is a pure function in a file of its own, listed here. */
import { roundRobin } from './round-robin.ts'

/** What a policy may look at in an endpoint. */
interface Candidate {
  readonly origin: string
}

/** What a policy decides by, besides the candidates. */
interface Circumstances {
  /** How many choices were made before this one. */
  readonly turn: number
}

/** Chooses one of the candidates, of which there is at least one, by its index. */
export type Policy = (candidates: readonly Candidate[], circumstances: Circumstances) => number

export const policies = { 'round-robin': roundRobin } as const satisfies Record<string, Policy>
export type PolicyName = keyof typeof policies
