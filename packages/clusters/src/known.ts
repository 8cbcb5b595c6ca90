/** When enough is known of upstreams for requests to be sent there: by a new balancer, and after a reload. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from './clusters.ts'

/** Three checks that are not answered take longer; whoever serves meanwhile knows no better. */
const KNOWN_WITHIN_MS = 5_000
const POLL_MS = 20

/**
 * Resolves when there is a verdict on each endpoint, good or bad, or after 5 s.
 * @throws where `signal` aborts before
 */
export async function known(clusters: readonly Pick<Cluster, 'upstreams'>[], signal?: AbortSignal): Promise<void> {
  for (const until = performance.now() + KNOWN_WITHIN_MS; performance.now() < until; ) {
    signal?.throwIfAborted()
    if (clusters.every(({ upstreams }) => upstreams.settled)) return
    await delay(POLL_MS, undefined, { signal })
  }
}
