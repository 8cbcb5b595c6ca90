/** What passed through each cluster and endpoint since the last look. */
import type { Endpoint } from './routes/upstreams.ts'

type Counted = 'requests' | 'failures' | 'inFlight'

export class Figures {
  #before = new Map<string, Endpoint>()

  /** Requests and failures since the last look, all else as it is now. Latency weighs as much as there were requests. */
  take(clusters: ReadonlyMap<string, readonly Endpoint[]>) {
    const before = this.#before
    this.#before = new Map([...clusters.values()].flat().map((endpoint) => [endpoint.id, endpoint]))
    return [...clusters].map(([cluster, all]) => {
      const endpoints = all.map(({ id, origin, condition, intent, requests, failures, inFlight, latencyMs }) => {
        const last = before.get(id)
        const passed = { requests: since(requests, last?.requests), failures: since(failures, last?.failures) }
        return { id, origin, condition, intent, ...passed, inFlight, latencyMs }
      })
      const sum = (of: Counted) => endpoints.reduce((total, endpoint) => total + endpoint[of], 0)
      const requests = sum('requests')
      const spent = endpoints.reduce((total, each) => total + each.requests * (each.latencyMs ?? 0), 0)
      const latencyMs = requests > 0 ? Number((spent / requests).toFixed(3)) : undefined
      return { cluster, requests, failures: sum('failures'), inFlight: sum('inFlight'), latencyMs, endpoints }
    })
  }
}

/** A total that shrank is that of one that left and came back, and counts anew. */
function since(total: number, before = 0): number {
  return total < before ? total : total - before
}
