/** What passed through each cluster and endpoint since the last look. */
import type { ClusterStats } from '@spillway/upstreams'
import { quantile } from './quantile.ts'
import type { Endpoint } from './routes/upstreams.ts'

type Counted = 'requests' | 'failures' | 'inFlight'

/** A cluster as it is looked at. */
export interface Look {
  readonly endpoints: readonly Endpoint[]
  /** Of the same endpoints. */
  readonly stats: readonly {
    readonly origin: string
    readonly heads: Pick<ClusterStats['endpoints'][number]['heads'], 'boundsMs' | 'counts'>
  }[]
}

export class Figures {
  #before = new Map<string, Endpoint>()
  /** By cluster and origin: how many answers fell into each bucket. */
  #counts = new Map<string, readonly number[]>()

  /** Requests, failures and quantiles since the last look, all else as it is now. */
  take(clusters: ReadonlyMap<string, Look>) {
    const [before, counts] = [this.#before, this.#counts]
    this.#before = new Map([...clusters.values()].flatMap(({ endpoints }) => endpoints.map((each) => [each.id, each])))
    this.#counts = new Map()
    return [...clusters].map(([cluster, { endpoints: all, stats }]) => {
      const endpoints = all.map(({ id, origin, condition, intent, requests, failures, inFlight, latencyMs }) => {
        const last = before.get(id)
        const passed = { requests: since(requests, last?.requests), failures: since(failures, last?.failures) }
        return { id, origin, condition, intent, ...passed, inFlight, latencyMs }
      })
      const answered: number[] = []
      for (const { origin, heads } of stats) {
        const key = `${cluster} ${origin}`
        this.#counts.set(key, [...heads.counts])
        const last = counts.get(key)
        heads.counts.forEach((count, at) => {
          answered[at] = (answered[at] ?? 0) + since(count, last?.[at])
        })
      }
      const bounds = stats[0]?.heads.boundsMs ?? []
      const sum = (of: Counted) => endpoints.reduce((total, endpoint) => total + endpoint[of], 0)
      const [p50Ms, p99Ms] = [quantile(answered, bounds, 0.5), quantile(answered, bounds, 0.99)]
      const passed = { requests: sum('requests'), failures: sum('failures'), inFlight: sum('inFlight') }
      return { cluster, ...passed, p50Ms, p99Ms, endpoints }
    })
  }
}

/** A total that shrank is that of one that left and came back, and counts anew. */
function since(total: number, before = 0): number {
  return total < before ? total : total - before
}
