/** The Fastify instance every service starts from: identity, framing, limits, problem details, health, metrics, load. */
import { type IncomingMessage, METHODS } from 'node:http'
import type { Server } from 'node:https'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type Check, health, Lifecycle } from '@spillway/health'
import { intake } from '@spillway/intake'
import { createRegistry, metrics, type Registry } from '@spillway/metrics'
import Fastify, { type FastifyRequest, LogController } from 'fastify'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import type { Logger } from 'pino'
import { boundBodies } from './body-pace.ts'
import { MAX_FIELDS, MAX_HEAD, MAX_URL, urlFault } from './head.ts'
import { parseJson } from './json.ts'
import { createLogger, requestLogger } from './log.ts'
import { answerProblem } from './problem.ts'
import { missing, refuseUnparsed, refuseUnrouted } from './refusals.ts'
import { followFiles, type TlsFiles, tlsOptions } from './tls.ts'
import { believing, continueTrace, requestId, type Trace } from './trace.ts'
import { Traffic, Underway } from './traffic.ts'

/** What one process has one of, whatever number of servers it runs. */
export interface ServiceContext {
  service: string
  instance: string
  logger: Logger
  lifecycle: Lifecycle
  registry: Registry
}

export function createContext(
  service: string,
  config: { INSTANCE?: string | undefined; LOG_LEVEL: string },
): ServiceContext {
  const instance = config.INSTANCE ?? service
  return {
    service,
    instance,
    logger: createLogger({ service, instance, level: config.LOG_LEVEL }),
    lifecycle: new Lifecycle(),
    registry: createRegistry(),
  }
}

export interface AppOptions {
  /** By name, for `/ready`. */
  checks?: Record<string, Check>
  /** Whether this server has `/health`, `/ready` and `/metrics`. Default: true. */
  operators?: boolean
  /** What `/metrics` answers. Default: the metrics of this process. */
  metrics?: () => Promise<string>
  /** Whether this server's requests are measured and told in `x-load`. Default: true. */
  measured?: boolean
  /** Bytes. Default: 1 MiB (Fastify's). */
  bodyLimit?: number
  /** Peers whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are believed, as CIDRs. Default: none, and all for the id. */
  trustedProxies?: readonly string[]
  /** Makes it an HTTPS server. Default: none. */
  tls?: TlsFiles | undefined
  /** What is counted of its requests with those of the apps whose place it takes (`createFront`). Default: its own. */
  traffic?: Traffic
  /** Whether any method is taken, and bodies are streamed on: Fastify reads none of them. Default: false. */
  forwards?: boolean
}

/** Where a request keeps its trace once somebody asked for it. */
const TRACE = Symbol('trace')

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace
    [TRACE]: Trace | undefined
    /** On `performance.now()`'s clock. */
    startedAt: number
    /** What its answer carries beside `answerHeaders`, names in lower case. */
    answerFields: Record<string, string> | undefined
  }
  interface FastifyInstance {
    /** What every answer of this server carries; for whoever writes to `reply.raw` past Fastify's hooks. */
    answerHeaders(request: FastifyRequest): Record<string, string>
    /** What an answer says that says nothing else under that name, where the server has such fields; for the same. */
    answerDefaults?(request: FastifyRequest): Readonly<Record<string, string>>
    /** Requests it has begun and not ended, tunnels among them. */
    underway: Underway
  }
}

/** Builds a server that listens to nothing yet. Routes are the caller's to add. */
export async function createApp(context: ServiceContext, options: AppOptions = {}) {
  const { lifecycle, logger, registry, instance } = context
  const { tls, forwards = false } = options
  const http = {
    maxHeaderSize: MAX_HEAD,
    headersTimeout: 15_000,
    connectionsCheckingInterval: 5_000,
    // A request without a body is spared the life of a stream.
    optimizeEmptyRequests: true,
  }
  const believes = believing(options.trustedProxies)
  const app = Fastify({
    // With a logger of its own Fastify makes a child and listens to the answer for each request; `onRequest` does both.
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (raw) => requestId(raw as IncomingMessage, believes),
    keepAliveTimeout: 75_000,
    // Node's own limit on a whole request (300 s) would cut uploads that flow; heads are bounded below.
    requestTimeout: 0,
    // Both kinds of server have the members that are used of one.
    ...((tls ? { https: { ...http, ...tlsOptions(tls) } } : { http }) as { http: typeof http }),
    // The outermost bound on a connection where nothing moves; whoever streams has tighter ones.
    connectionTimeout: 310_000,
    bodyLimit: options.bodyLimit ?? 1_048_576,
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_URL },
    return503OnClosing: false,
    clientErrorHandler(error, socket) {
      refuseUnparsed(error, socket, logger)
    },
    frameworkErrors: refuseUnrouted,
  }).withTypeProvider<TypeBoxTypeProvider>()

  if (tls) {
    const unfollow = followFiles(app.server as unknown as Server, tls, logger)
    app.addHook('onClose', async () => unfollow())
  }
  app.log = logger as Logger<never>
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, parseJson(bytes)),
  )
  // Methods without a body, as Fastify sees it.
  if (forwards) for (const method of METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.server.maxHeadersCount = MAX_FIELDS
  if (!forwards) boundBodies(app)
  app.setErrorHandler(answerProblem)
  // Fastify answers 404 for a wrong method too and does not let its router be asked, so this one knows the paths.
  const known = findMyWay({ maxParamLength: MAX_URL })
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat() as HTTPMethod[]) {
      // The same path may come again under other constraints.
      if (!known.hasRoute(each, url)) known.on(each, url, () => {})
    }
  })

  const { load, measure } = options.traffic ?? new Traffic(registry, options)
  const underway = new Underway()
  app.decorate('underway', underway)
  app.decorate('answerHeaders', (request: FastifyRequest) => {
    const headers: Record<string, string> = {
      'x-request-id': request.id,
      'x-served-by': instance,
      'x-load': load.header,
    }
    if (request.answerFields) Object.assign(headers, request.answerFields)
    if (lifecycle.state === 'draining') headers['connection'] = 'close'
    return headers
  })
  app.decorateRequest(TRACE, undefined)
  app.decorateRequest('trace', {
    getter() {
      const request = this as unknown as FastifyRequest
      request[TRACE] ??= continueTrace(request.headers.traceparent as string | undefined)
      return request[TRACE]
    },
  })
  app.decorateRequest('startedAt', 0)
  app.decorateRequest('answerFields', undefined)

  if (measure) app.addHook('onRequest', measure)
  app.addHook('onRequest', (request, reply, done) => {
    request.startedAt = performance.now()
    const log = requestLogger(logger, () => ({ requestId: request.id, traceId: request.trace.traceId }))
    request.log = log as typeof request.log
    reply.log = log as typeof reply.log
    load.inFlight++
    underway.begin()
    // Comes once, also where the client is lost: not `once`, which would pay for being taken off again.
    reply.raw.on('close', () => {
      const ms = performance.now() - request.startedAt
      load.inFlight--
      underway.end()
      load.record(ms)
      if (!logger.isLevelEnabled('debug')) return
      const { statusCode: status, writableFinished } = reply.raw
      log.debug({ method: request.method, url: request.url, status, ms, aborted: !writableFinished }, 'request')
    })
    done()
  })
  await app.register(intake)
  app.addHook('onRequest', (request, _reply, done) => done(urlFault(request.raw)))
  // Not in a handler of its own: Fastify would look at the body first, and might find fault with that.
  app.addHook('preParsing', (request, _reply, payload, done) =>
    done(request.is404 ? missing(request, known) : null, payload),
  )
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(app.answerHeaders(request))
    reply.header('server-timing', `${instance};dur=${(performance.now() - request.startedAt).toFixed(1)}`)
    done()
  })

  if (options.operators !== false) {
    await app.register(health, { lifecycle, checks: options.checks ?? {} })
    await app.register(metrics, { registry, read: options.metrics })
  }
  return app
}
