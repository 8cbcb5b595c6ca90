/** What a driver is to do: which requests, in which shape, and what each answer must say. */
import type { Load, Second } from './run.ts'
import { LabError } from './stack.ts'

/** Many users who join one after another and wait between requests, or few who never wait. */
export type Shape =
  | {
      readonly kind: 'users'
      readonly users: number
      readonly joinPerSecond: number
      readonly think: readonly [from: number, to: number]
    }
  | { readonly kind: 'closed'; readonly users: number }

export interface Plan {
  /** `hit` asks for few keys again and again, `miss` for each key once; half of them `/data/{key}`, half `/process`. */
  readonly expects: 'hit' | 'miss'
  /** The front door, such as `http://127.0.0.1:8000`. */
  readonly url: string
  readonly token: string
  readonly shape: Shape
  /** Seconds. */
  readonly duration: number
  /** Items `${prefix}-${first}` up to and without `${prefix}-${first + count}`, which exist. */
  readonly keys: { readonly prefix: string; readonly first: number; readonly count: number }
  /** What `/process` is asked for, and how many primes there are up to it. */
  readonly process: { readonly n: number; readonly primes: number }
  /** The core that the generator is bound to, where the system can do that. */
  readonly core?: number
}

/** A second of a driver's view; whoever watches the processes adds the rest. */
export type DriverSecond = Pick<Second, 'second' | 'requests' | 'failures' | 'average'>

export interface Driver {
  /** With its version, such as `k6 2.2.0`. */
  readonly name: string
  readonly shapes: readonly Shape['kind'][]
  /**
   * Loads until the plan is done. `onSecond` is called about once a second.
   *
   * @throws {DriverError} where the generator itself failed, with the last lines of what it said
   */
  run(plan: Plan, options: { signal: AbortSignal; onSecond: (second: DriverSecond) => void }): Promise<Load>
}

/** The load generator could not do its work: nothing was measured. */
export class DriverError extends LabError {
  override name = 'DriverError'
}

/** The value that item number `index` has: what is loaded before a run, and what every answer is held against. */
export function itemValue(prefix: string, index: number) {
  return { name: itemKey(prefix, index), position: index }
}

export function itemKey(prefix: string, index: number): string {
  return `${prefix}-${index}`
}
