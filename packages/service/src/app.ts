/** The Fastify instance every service starts from: identity, limits, problem details, health, metrics, load. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type Check, health, Lifecycle } from '@spillway/health'
import { createRegistry, measureServer, metrics, type Registry } from '@spillway/metrics'
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import type { Logger } from 'pino'
import { Load } from './load.ts'
import { createLogger } from './log.ts'
import { answerProblem, common, Problem, problemBody } from './problem.ts'
import { continueTrace, requestId, type Trace } from './trace.ts'

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
  /** Whether this server's requests are measured and told in `x-load`. Default: true. */
  measured?: boolean
  /** Bytes. Default: 1 MiB (Fastify's). */
  bodyLimit?: number
  /** Peers whose `Forwarded` and `X-Forwarded-*` are believed, as CIDRs. Default: none. */
  trustedProxies?: readonly string[]
}

declare module 'fastify' {
  interface FastifyRequest {
    trace: Trace
  }
  interface FastifyInstance {
    /** What every answer of this server carries; for whoever writes to `reply.raw` past Fastify's hooks. */
    answerHeaders(request: FastifyRequest): Record<string, string>
  }
}

const MAX_URL = 8192
const MAX_HEADERS = 16_384
const LINGER_MS = 1_000

/** What Node's parser says, where it is more than `bad_request`. */
const UNPARSED: Record<string, keyof typeof common> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** Builds a server that listens to nothing yet. Routes are the caller's to add. */
export async function createApp(context: ServiceContext, options: AppOptions = {}) {
  const { lifecycle, logger, registry, instance } = context
  const app = Fastify({
    loggerInstance: logger as Logger<never>,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (raw) => requestId(raw.headers),
    keepAliveTimeout: 75_000,
    // Node's own limit on a whole request (300 s) would cut uploads that flow; heads are bounded below.
    requestTimeout: 0,
    http: { maxHeaderSize: MAX_HEADERS, headersTimeout: 15_000, connectionsCheckingInterval: 5_000 },
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

  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  // The request's own child logger is made in `onRequest`, where its trace is known; a second costs 1.3 microseconds.
  app.setChildLoggerFactory((parent) => parent)
  app.setErrorHandler(answerProblem)
  // Fastify answers 404 for a wrong method too and does not let its router be asked, so this one knows the paths.
  const known = findMyWay({ maxParamLength: MAX_URL })
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat() as HTTPMethod[]) {
      // The same path may come again under other constraints.
      if (!known.hasRoute(each, url)) known.on(each, url, () => {})
    }
  })
  app.setNotFoundHandler((request) => {
    throw missing(request, known)
  })

  const load = new Load()
  app.decorate('answerHeaders', (request: FastifyRequest) => ({
    'x-request-id': request.id,
    'x-served-by': instance,
    'x-load': load.header,
    ...(lifecycle.state === 'draining' ? { connection: 'close' } : {}),
  }))
  app.decorateRequest('trace', null as unknown as Trace)

  app.addHook('onRequest', (request, reply, done) => {
    const started = performance.now()
    request.trace = continueTrace(request.headers.traceparent as string | undefined)
    const log = logger.child({ requestId: request.id, traceId: request.trace.traceId }) as typeof request.log
    request.log = log
    reply.log = log
    load.inFlight++
    reply.raw.once('close', () => {
      const elapsed = performance.now() - started
      load.inFlight--
      load.record(elapsed)
      request.log.debug(
        {
          method: request.method,
          url: request.url,
          status: reply.raw.statusCode,
          ms: elapsed,
          aborted: !reply.raw.writableFinished,
        },
        'request',
      )
    })
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    reply.headers(app.answerHeaders(request))
    done()
  })

  if (options.measured !== false) await app.register(measureServer, { registry })
  app.addHook('onRequest', (request, _reply, done) => {
    const { length } = request.url
    if (length <= MAX_URL) return done()
    done(new Problem(common.url_too_long, { detail: `the URL has ${length} bytes; the limit is ${MAX_URL}` }))
  })
  if (options.operators !== false) {
    await app.register(health, { lifecycle, checks: options.checks ?? {} })
    await app.register(metrics, { registry })
  }
  return app
}

/** 405 with `Allow` where the path is known under another method, else 404. */
function missing(request: FastifyRequest, router: ReturnType<typeof findMyWay>): Problem {
  const path = request.url.split('?', 1)[0] ?? ''
  const allowed = request.server.supportedMethods.filter((method) => router.find(method as HTTPMethod, path) !== null)
  if (allowed.length === 0)
    return new Problem(common.route_not_found, { detail: `nothing answers ${request.method} ${path}` })
  return new Problem(common.method_not_allowed, {
    detail: `${path} takes ${allowed.join(', ')}`,
    headers: { allow: allowed.join(', ') },
  })
}

/** Answers a URL that the router cannot read; such a request passes no hook. */
function refuseUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answerProblem(error, request, reply.headers(request.server.answerHeaders(request)))
}

/** Answers bytes that Node's parser refused: there is no request, so the answer is written to the socket by hand. */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  // Bytes that broke in mid-body, after the answer began: another answer would be read as part of that one.
  if ((socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent) {
    socket.destroy(error)
    return
  }
  const problem = new Problem(common[UNPARSED[error.code ?? ''] ?? 'bad_request'])
  const id = requestId({})
  const body = JSON.stringify(problemBody(problem, id))
  logger.debug({ err: error, requestId: id }, 'unparsable request')
  socket.end(
    `HTTP/1.1 ${problem.statusCode} ${problem.title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${id}\r\nconnection: close\r\n\r\n${body}`,
  )
  // Closing at once would reset the connection while the client still sends, and lose the answer.
  const linger = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(linger))
}
