/** When a balancer that takes over from another one knows enough of its upstreams. */
import { setTimeout as delay } from 'node:timers/promises'
import type { EndpointView } from '@spillway/upstreams'

/** Three checks that are not answered take longer; whoever serves meanwhile knows no better. */
const KNOWN_WITHIN_MS = 5_000
const POLL_MS = 20

/** Resolves when there is a verdict on each endpoint, good or bad, or after 5 s. */
export async function known(endpoints: () => readonly EndpointView[]): Promise<void> {
  const isKnown = (all: readonly EndpointView[]) =>
    all.length > 0 && all.every(({ condition }) => condition !== 'starting')
  for (const until = performance.now() + KNOWN_WITHIN_MS; performance.now() < until; await delay(POLL_MS)) {
    if (isKnown(endpoints())) return
  }
}
