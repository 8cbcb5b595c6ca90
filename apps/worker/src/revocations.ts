/** Reads which tokens were revoked, from the db service. */
import type { RevocationFeedOptions } from '@spillway/auth'

/** @param endpoints as the reports'; one after the other is asked, so that one that is away costs one look */
export function revocationsFrom(endpoints: readonly string[]): RevocationFeedOptions['read'] {
  const origins = endpoints.map((endpoint) => endpoint.replace('dns+', ''))
  let looks = 0
  return async (after, signal) => {
    const answer = await fetch(`${origins[looks++ % origins.length]}/revocations?after=${after}`, { signal })
    if (answer.ok) return answer.json()
    await answer.body?.cancel()
    throw new Error(`the db service answered ${answer.status}`)
  }
}
