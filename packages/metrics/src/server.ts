/** Measures every request a server answers, by OpenTelemetry's HTTP conventions. */
import type { onRequestHookHandler } from 'fastify'
import { Gauge, type Registry } from 'prom-client'
import { methodLabel } from './conventions.ts'
import { Durations } from './durations.ts'

/**
 * Registers `http_server_request_duration_seconds{http_request_method, http_route, http_response_status_code}`
 * and `http_server_active_requests`. A client that leaves before its answer has ended counts as status 499 (nginx's
 * convention). A request that no route took has an empty `http_route`, so that the paths of strangers make no series.
 *
 * @returns an `onRequest` hook, for every app that answers these requests
 */
export function measureServer(registry: Registry): onRequestHookHandler {
  const duration = new Durations({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP server requests, from the head received to the answer ended.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    registry,
  })
  let active = 0
  new Gauge({
    name: 'http_server_active_requests',
    help: 'Requests being answered now.',
    registers: [registry],
    collect() {
      this.set(active)
    },
  })
  return (request, reply, done) => {
    const started = performance.now()
    active++
    // 'close' follows both the end of the answer and the loss of the client, once; hooks see only the first.
    reply.raw.on('close', () => {
      active--
      const { writableFinished, statusCode } = reply.raw
      duration.observe(
        (performance.now() - started) / 1000,
        methodLabel(request.method),
        request.is404 ? '' : (request.routeOptions.url ?? ''),
        writableFinished ? String(statusCode) : '499',
      )
    })
    done()
  }
}
