/** `GET /upstreams`: every endpoint's condition and why, and what passes through it. */
import type { createApp } from '@spillway/service'
import type { EndpointView } from '@spillway/upstreams'
import type { Cluster, Clusters } from '../clusters.ts'

interface UpstreamsReport {
  name: string
  /** How many endpoints would be chosen now. */
  available: number
  endpoints: EndpointView[]
}

export function upstreamsRoute(app: Awaited<ReturnType<typeof createApp>>, clusters: Clusters): void {
  app.get('/upstreams', (_request, reply): UpstreamsReport => {
    reply.header('cache-control', 'no-store')
    const { upstreams } = clusters.all()[0] as Cluster
    return { name: upstreams.name, available: upstreams.available, endpoints: upstreams.endpoints() }
  })
}
