/** Which endpoint a request gets: the policy's choice among those that are usable, did not have it yet and have room. */
import { usable } from './ejection.ts'
import type { Endpoint } from './endpoint.ts'
import type { Exchange } from './exchange.ts'
import { named, type PolicyName } from './policies/policies.ts'
import type { Policy } from './policies/policy.ts'

export interface SelectionOptions {
  /** The endpoints there are now. */
  readonly current: () => readonly Endpoint[]
  readonly policy: PolicyName | Policy
  readonly clock: () => number
  readonly random: () => number
}

export class Selection {
  readonly #options: SelectionOptions
  #named: ReturnType<typeof named>

  /** @throws {TypeError} on a name that no policy has */
  constructor(options: SelectionOptions) {
    this.#options = options
    this.#named = named(options.policy)
  }

  /** The policy's name; `own` where it was given itself. */
  get policy(): PolicyName | 'own' {
    return this.#named.name
  }

  /** @throws {TypeError} on a name that no policy has */
  use(policy: PolicyName | Policy): void {
    this.#named = named(policy)
  }

  usable(now: number): readonly Endpoint[] {
    const current = this.#options.current()
    for (let at = 0; at < current.length; at++) current[at]?.refresh(now)
    return usable(current)
  }

  /** As `QueueOptions.choose` has it. */
  choose(exchange: Exchange | undefined, open: boolean): Endpoint | 'busy' | undefined {
    const { clock, random } = this.#options
    const now = clock()
    const candidates = this.usable(now)
    if (candidates.length === 0) return undefined
    if (!open) return 'busy'
    const free = withRoom(untried(candidates, exchange?.tried))
    if (free.length === 0) return 'busy'
    return free[this.#named.policy.choose(free, { now, random, hashKey: exchange?.hashKey })]
  }
}

/** All of them where none is untried. */
function untried(candidates: readonly Endpoint[], tried: readonly string[] | undefined): readonly Endpoint[] {
  if (tried === undefined || tried.length === 0) return candidates
  const left = candidates.filter(({ origin }) => !tried.includes(origin))
  return left.length > 0 ? left : candidates
}

function withRoom(candidates: readonly Endpoint[]): readonly Endpoint[] {
  return candidates.every(hasRoom) ? candidates : candidates.filter(hasRoom)
}

function hasRoom({ inFlight, max }: Endpoint): boolean {
  return inFlight < max
}
