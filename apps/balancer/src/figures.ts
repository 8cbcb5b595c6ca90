/** What passed through each cluster and endpoint since the last look. */
import type { Endpoint } from './routes/upstreams.ts'

/** Requests and failures since the last look; the others as they are now. */
type EndpointFigures = Pick<
  Endpoint,
  'id' | 'origin' | 'condition' | 'intent' | 'requests' | 'failures' | 'inFlight' | 'latencyMs'
>

export interface ClusterFigures extends Pick<EndpointFigures, 'requests' | 'failures' | 'inFlight' | 'latencyMs'> {
  readonly cluster: string
  readonly endpoints: readonly EndpointFigures[]
}

export class Figures {
  #totals = new Map<string, Endpoint>()

  /** @param clusters by name, with all their endpoints */
  take(clusters: ReadonlyMap<string, readonly Endpoint[]>): ClusterFigures[] {
    const before = this.#totals
    const now = [...clusters]
    this.#totals = new Map(now.flatMap(([, endpoints]) => endpoints.map((each) => [each.id, each])))
    return now.map(([cluster, all]) => {
      const endpoints = all.map((each) => passed(each, before.get(each.id)))
      return { cluster, ...together(endpoints), endpoints }
    })
  }
}

function passed(now: Endpoint, before: Endpoint | undefined): EndpointFigures {
  const { id, origin, condition, intent, inFlight, latencyMs } = now
  // A total that shrank is that of one that left and came back, and counts anew.
  const since = (total: 'requests' | 'failures') => {
    const base = before?.[total] ?? 0
    return now[total] < base ? now[total] : now[total] - base
  }
  return {
    id,
    origin,
    condition,
    intent,
    requests: since('requests'),
    failures: since('failures'),
    inFlight,
    latencyMs,
  }
}

function together(endpoints: readonly EndpointFigures[]) {
  const sum = (of: (endpoint: EndpointFigures) => number) => endpoints.reduce((total, each) => total + of(each), 0)
  const requests = sum((each) => each.requests)
  // Each endpoint's latency weighs as many requests as it had.
  const latencyMs = requests > 0 ? sum((each) => (each.latencyMs ?? 0) * each.requests) / requests : undefined
  return { requests, failures: sum((each) => each.failures), inFlight: sum((each) => each.inFlight), latencyMs }
}
