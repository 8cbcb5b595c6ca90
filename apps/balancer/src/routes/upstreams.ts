/** `GET /upstreams`: every endpoint's condition and why, and what passes through it. */
import type { createApp } from '@spillway/service'
import type { EndpointView, Upstreams } from '@spillway/upstreams'

interface UpstreamsReport {
  name: string
  /** How many endpoints would be chosen now. */
  available: number
  endpoints: EndpointView[]
}

export function upstreamsRoute(app: Awaited<ReturnType<typeof createApp>>, upstreams: Upstreams): void {
  app.get('/upstreams', (_request, reply): UpstreamsReport => {
    reply.header('cache-control', 'no-store')
    return { name: upstreams.name, available: upstreams.available, endpoints: upstreams.endpoints() }
  })
}
