/** How a server refuses what no route takes: unknown paths, wrong methods, URLs and bytes that cannot be read. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { makeLast } from '@spillway/intake'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type findMyWay from 'find-my-way'
import type { HTTPMethod } from 'find-my-way'
import type { Logger } from 'pino'
import { answerProblem, common, Problem, problemBody } from './problem.ts'
import { newRequestId } from './trace.ts'

const LINGER_MS = 1_000

/** What Node's parser says, where it is more than `bad_request`. */
const UNPARSED: Record<string, keyof typeof common> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** 405 with `Allow` where the path is known under another method, else 404. */
export function missing(request: FastifyRequest, router: ReturnType<typeof findMyWay>): Problem {
  const path = request.url.split('?', 1)[0] ?? ''
  const allowed = request.server.supportedMethods.filter((method) => router.find(method as HTTPMethod, path) !== null)
  if (allowed.length === 0)
    return new Problem(common.route_not_found, { detail: `nothing answers ${request.method} ${path}` })
  return new Problem(common.method_not_allowed, {
    detail: `${path} takes ${allowed.join(', ')}`,
    headers: { allow: allowed.join(', ') },
  })
}

/** Answers a URL that the router cannot read. Such a request passes no hook: nobody has looked at its framing. */
export function refuseUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  makeLast(request.raw)
  const { server } = request
  const headers = { ...server.answerDefaults?.(request), ...server.answerHeaders(request), connection: 'close' }
  answerProblem(error, request, reply.headers(headers))
}

/** Connections whose bytes could not be read and where an earlier request is yet to be answered. */
const awaited = new WeakSet<Socket>()

/**
 * Answers bytes that Node's parser refused: there is no request, so the answer is written to the socket by hand, after
 * those to the requests before.
 */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable || awaited.has(socket)) return
  const answer = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage
  if (answer?.req?.complete) {
    // The parser complains again of each further chunk.
    awaited.add(socket)
    answer.once('close', () => {
      awaited.delete(socket)
      refuseUnparsed(error, socket, logger)
    })
    return
  }
  // Bytes that broke in mid-body, after the answer began: another answer would be read as part of that one.
  if (answer?.headersSent) {
    socket.destroy(error)
    return
  }
  const problem = new Problem(common[UNPARSED[error.code ?? ''] ?? 'bad_request'])
  const id = newRequestId()
  const body = JSON.stringify(problemBody(problem, id))
  logger.debug({ err: error, requestId: id }, 'unparsable request')
  socket.end(
    `HTTP/1.1 ${problem.statusCode} ${problem.title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${id}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n${body}`,
  )
  // Closing at once would reset the connection while the client still sends, and lose the answer.
  const linger = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(linger))
}
