/** Who has which core: the contender one to itself, client and upstreams the others. */

export interface Cores {
  readonly contender?: number
  readonly client?: number
  readonly upstreams?: number
}

/** With one core there is nothing to keep apart, and nobody is bound to any. */
export function coresOf(count: number): Cores {
  return count < 2 ? {} : { contender: count - 1, client: 0, upstreams: count > 2 ? 1 : 0 }
}
