/** The Fastify instance every service starts from: identity, limits, problem details, health, metrics, load. */
import type { Socket } from 'node:net'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type Check, health, Lifecycle } from '@spillway/health'
import { createRegistry, measureServer, metrics, type Registry } from '@spillway/metrics'
import Fastify, { type FastifyRequest, LogController } from 'fastify'
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
    http: { maxHeaderSize: MAX_HEADERS, headersTimeout: 15_000 },
    bodyLimit: options.bodyLimit ?? 1_048_576,
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_URL },
    return503OnClosing: false,
    clientErrorHandler(error, socket) {
      refuseUnparsed(error, socket, logger)
    },
    frameworkErrors: answerProblem,
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setErrorHandler(answerProblem)
  // Fastify answers 404 for a wrong method too and does not let its router be asked, so this one knows the paths.
  const known = findMyWay({ maxParamLength: MAX_URL })
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) known.on(each as HTTPMethod, url, () => {})
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
    request.log = logger.child({ requestId: request.id, traceId: request.trace.traceId }) as typeof request.log
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
    done(
      request.url.length > MAX_URL
        ? new Problem(common.url_too_long, {
            detail: `the URL has ${request.url.length} bytes; the limit is ${MAX_URL}`,
          })
        : undefined,
    )
  })
  app.addHook('onSend', async (request, reply) => {
    reply.headers(app.answerHeaders(request))
  })

  if (options.measured !== false) await app.register(measureServer, { registry })
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

/** Answers bytes that Node's parser refused: there is no request, so the answer is written to the socket by hand. */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const kind =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? common.headers_too_large
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? common.request_timeout
        : common.bad_request
  const problem = new Problem(kind, {
    detail: kind === common.headers_too_large ? `the limit is ${MAX_HEADERS} bytes` : '',
  })
  const id = requestId({})
  const body = JSON.stringify(problemBody(problem, id))
  logger.debug({ err: error, requestId: id }, 'unparsable request')
  socket.end(
    `HTTP/1.1 ${problem.statusCode} ${problem.title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${id}\r\nconnection: close\r\n\r\n${body}`,
  )
}
