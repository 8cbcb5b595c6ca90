/** What `forward` is told: once per mount, and per request. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'

export interface ForwardOptions {
  /** Where requests go: upstreams, with whatever is composed around it. */
  dispatcher: Dispatcher
  /** `http://NAME`: what keys and logs call the upstreams; a choosing dispatcher puts the endpoint's in its place. */
  origin: string
  /** This hop in `Via`, `Proxy-Status`, `Cache-Status` and `Server-Timing`, such as `gateway-1`. */
  name: string
  /** `preserve` sends the client's `Host` on, `upstream` the endpoint's. Default: `upstream`. */
  host?: 'preserve' | 'upstream'
  /** Whether `Authorization` goes on. Default: `none`. */
  identity?: 'forward' | 'none'
  /** Whether this hop names itself first in `x-served-by`. Default: true; a balancer leaves it to its gateways. */
  namesItself?: boolean
  /** Milliseconds the answer's headers may take from the request's end. Default: 15,000. */
  timeout?: number
  /** What becomes of the client's fields on their way up, and of the upstream's on their way down. Default: nothing. */
  headers?: { readonly request?: FieldChanges; readonly response?: FieldChanges }
}

/** Names in any letter case; none that {@link reservedField} tells of, which would be sent twice. */
export interface FieldChanges {
  /** Values that take the place of whatever came under these names. */
  readonly set?: Readonly<Record<string, string>>
  readonly remove?: readonly string[]
}

/** What a server of ours has put on its requests and itself (`@spillway/service`); others may, too. */
export interface Served {
  /** Where the request is in a trace; without it the client's `traceparent` goes on as it came. */
  readonly trace?: { readonly traceparent: string }
  /** Fields for each answer. Default: `x-request-id`, and `x-served-by` with this hop's name. */
  readonly server: {
    answerHeaders?(request: FastifyRequest): Record<string, string>
    /** Fields for each answer that says nothing else under that name, and whose route changes no such field. Default: none. */
    answerDefaults?(request: FastifyRequest): Readonly<Record<string, string>>
  }
}

/** What differs from one request to the next. */
export interface ForwardedRequest {
  /** Path and query to ask for. Default: the client's. */
  path?: string | undefined
  /** The body, where it was read already. Default: the client's body is streamed. */
  body?: Buffer | undefined
  /** Tags of what an unsafe request changes beside its own URL (`Exchange.changes`). Default: none. */
  changes?: readonly string[] | undefined
  /** Milliseconds that it has waited here already: they are told, and taken off what the answer may take. */
  queuedMs?: number
  /** The same, for which it was held up on purpose. */
  faultMs?: number
  /** What `hash` selection keeps together (`Exchange.hashKey`). Default: none. */
  hashKey?: string | undefined
  /** For whom a cached answer may be reused (`Exchange.scope`). Default: the cache is passed by. */
  scope?: string | undefined
}

/**
 * Streams one request to the dispatcher and its answer back; settles when the answer has ended or the client is gone.
 * Undefined where the answer has ended before this returns.
 */
export type Forward = (
  request: FastifyRequest,
  reply: FastifyReply,
  how?: ForwardedRequest,
) => Promise<void> | undefined
