/** An undici interceptor that measures every request a client makes, by OpenTelemetry's HTTP conventions. */
import type { Duplex } from 'node:stream'
import type { Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import { methodLabel } from './conventions.ts'
import { Durations } from './durations.ts'

interface Chosen {
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

type ClientDurations = Durations<(typeof LABELS)[number]>
type Controller = Dispatcher.DispatchController
type Fields = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]
type Peer = readonly [address: string, port: string]

/** The histogram of a registry: one, however many clients of the process it measures. */
function durationsOf(registry: Registry): ClientDurations {
  const known = registry.getSingleMetric(NAME) as unknown as ClientDurations | undefined
  const help = 'Duration of HTTP client requests, from dispatch to the end of the answer.'
  return known ?? new Durations({ name: NAME, help, labelNames: LABELS, registry })
}

/**
 * Measures `http_client_request_duration_seconds{http_request_method, server_address, server_port,
 * http_response_status_code, error_type}`: from dispatch to the answer's last byte or the failure. `error_type` is
 * undici's error code, empty where an answer came.
 */
export function measureClient(registry: Registry): Dispatcher.DispatcherComposeInterceptor {
  const durations = durationsOf(registry)
  const peers = new Map<string, Peer>()
  const peerOf = (origin: string): Peer => {
    let known = peers.get(origin)
    if (!known) {
      const url = URL.parse(origin)
      known = [url?.hostname ?? '', url?.port || (url?.protocol === 'https:' ? '443' : '80')]
      if (peers.size < 1000) peers.set(origin, known)
    }
    return known
  }
  return (dispatch) => (options, handler) => dispatch(options, new Measured(durations, peerOf, options, handler))
}

/** One request's handler. */
class Measured implements Dispatcher.DispatchHandler {
  readonly #durations: ClientDurations
  readonly #peerOf: (origin: string) => Peer
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler
  readonly #started = performance.now()
  #status = ''

  constructor(
    durations: ClientDurations,
    peerOf: (origin: string) => Peer,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.#durations = durations
    this.#peerOf = peerOf
    this.#options = options
    this.#handler = handler
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onRequestUpgrade(controller: Controller, status: number, fields: Fields, socket: Duplex): void {
    this.#status = String(status)
    this.#finish('')
    this.#handler.onRequestUpgrade?.(controller, status, fields, socket)
  }

  onResponseStart(controller: Controller, status: number, fields: Fields, message?: string): void {
    this.#status = String(status)
    this.#handler.onResponseStart?.(controller, status, fields, message)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: Fields): void {
    this.#finish('')
    this.#handler.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#finish((error as NodeJS.ErrnoException).code ?? error.name)
    this.#handler.onResponseError?.(controller, error)
  }

  #finish(error: string): void {
    const seconds = (performance.now() - this.#started) / 1000
    const origin = (this.#options as Chosen).exchange?.endpoint ?? String(this.#options.origin ?? '')
    const [address, port] = this.#peerOf(origin)
    this.#durations.observe(seconds, methodLabel(this.#options.method), address, port, this.#status, error)
  }
}
