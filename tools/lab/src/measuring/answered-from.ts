/** Where an answer came from, by what the gateway says of its cache (RFC 9211): its own member is the last. */

/** `waited`: for somebody else's request to the origin. `stale`: from either tier, while it was fetched anew. */
export type AnsweredFrom = 'l1' | 'l2' | 'stale' | 'waited' | 'origin'

/** Undefined where no cache tells. */
export function answeredFrom(cacheStatus: string | readonly string[] | undefined): AnsweredFrom | undefined {
  const parameters = String(cacheStatus ?? '')
    .split(',')
    .at(-1)
    ?.split(';')
    .map((each) => each.trim())
  if (parameters?.includes('hit')) {
    if (parameters.some((each) => each.startsWith('ttl=-'))) return 'stale'
    return parameters.includes('detail=l1') ? 'l1' : 'l2'
  }
  if (parameters?.includes('collapsed')) return 'waited'
  return parameters?.some((each) => each.startsWith('fwd=')) ? 'origin' : undefined
}
