/** An undici interceptor that measures every request a client makes, by OpenTelemetry's HTTP conventions. */
import { Histogram, type Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import { BUCKETS, methodLabel } from './conventions.ts'

interface Measured {
  /** Set by a dispatcher that chooses among several endpoints: the origin that took the request. */
  exchange?: { endpoint?: string | undefined } | undefined
}

const NAME = 'http_client_request_duration_seconds'
const LABELS = [
  'http_request_method',
  'server_address',
  'server_port',
  'http_response_status_code',
  'error_type',
] as const

/** The histogram of a registry: one, however many clients of the process it measures. */
function histogramOf(registry: Registry): Histogram<(typeof LABELS)[number]> {
  const known = registry.getSingleMetric(NAME)
  if (known) return known as Histogram<(typeof LABELS)[number]>
  return new Histogram({
    name: NAME,
    help: 'Duration of HTTP client requests, from dispatch to the end of the answer.',
    labelNames: LABELS,
    buckets: BUCKETS,
    registers: [registry],
  })
}

/**
 * Measures `http_client_request_duration_seconds{http_request_method, server_address, server_port,
 * http_response_status_code, error_type}`: from dispatch to the answer's last byte or the failure. `error_type` is
 * undici's error code, empty where an answer came.
 */
export function measureClient(registry: Registry): Dispatcher.DispatcherComposeInterceptor {
  const duration = histogramOf(registry)
  const peers = new Map<string, [address: string, port: string]>()
  const peer = (origin: string): [string, string] => {
    let known = peers.get(origin)
    if (!known) {
      const url = URL.parse(origin)
      known = [url?.hostname ?? '', url?.port || (url?.protocol === 'https:' ? '443' : '80')]
      if (peers.size < 1000) peers.set(origin, known)
    }
    return known
  }

  return (dispatch) => (options, handler) => {
    const started = performance.now()
    let status = ''
    const finish = (error: string) => {
      const origin = (options as Measured).exchange?.endpoint ?? String(options.origin ?? '')
      const [address, port] = peer(origin)
      duration
        .labels(methodLabel(options.method), address, port, status, error)
        .observe((performance.now() - started) / 1000)
    }
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onBodySent: (chunk) => handler.onBodySent?.(chunk),
      onRequestSent: () => handler.onRequestSent?.(),
      onResponseStarted: () => handler.onResponseStarted?.(),
      onRequestUpgrade: (controller, statusCode, headers, socket) => {
        status = String(statusCode)
        finish('')
        handler.onRequestUpgrade?.(controller, statusCode, headers, socket)
      },
      onResponseStart: (controller, statusCode, headers, statusMessage) => {
        status = String(statusCode)
        handler.onResponseStart?.(controller, statusCode, headers, statusMessage)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => {
        finish('')
        handler.onResponseEnd?.(controller, trailers)
      },
      onResponseError: (controller, error) => {
        finish((error as NodeJS.ErrnoException).code ?? error.name)
        handler.onResponseError?.(controller, error)
      },
    })
  }
}
