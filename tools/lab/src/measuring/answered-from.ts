/** Where an answer came from, by what the gateway says of its cache (RFC 9211). */

/** `waited`: for somebody else's request to the origin. `stale`: from either tier, while it was fetched anew. */
export type AnsweredFrom = 'l1' | 'l2' | 'stale' | 'waited' | 'origin'

/** How the shared cache is called. */
const SHARED = 'cache'

/** The gateway's own member is the last; before it stands the shared cache, where the answer is from there. Undefined where no cache tells. */
export function answeredFrom(cacheStatus: string | readonly string[] | undefined): AnsweredFrom | undefined {
  const members = String(cacheStatus ?? '').split(',')
  const [shared = [], own = []] = [members.at(-2), members.at(-1)].map(parametersOf)
  if (own.includes('hit')) return hit(own)
  if (shared[0] === SHARED && shared.includes('hit')) return hit(shared)
  if (own.includes('collapsed')) return 'waited'
  return own.some((each) => each.startsWith('fwd=')) ? 'origin' : undefined
}

function hit(parameters: readonly string[]): AnsweredFrom {
  if (parameters.some((each) => each.startsWith('ttl=-'))) return 'stale'
  return parameters.includes('detail=l1') ? 'l1' : 'l2'
}

const parametersOf = (member = '') => member.split(';').map((each) => each.trim())
