/** Every refusal and failure as `application/problem+json` (RFC 9457) with a stable code. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { closeLingering } from './lingering.ts'

/** One wrong part of a request: where it is (JSON pointer under `body`, `params`, `querystring`, `headers`), what is wrong. */
export interface Fault {
  in: string
  path: string
  message: string
}

interface ProblemOptions {
  detail?: string
  /** Sent with the answer, such as `retry-after`, `allow`, `www-authenticate`. */
  headers?: Record<string, string>
  errors?: readonly Fault[]
  cause?: unknown
}

/** Throw (or `reply.send`) one to answer with it. `code` is stable: clients may switch on it. */
export class Problem extends Error {
  override name = 'Problem'
  readonly code: string
  readonly statusCode: number
  readonly title: string
  readonly headers: Readonly<Record<string, string>>
  readonly errors: readonly Fault[] | undefined

  constructor(kind: ProblemKind, { detail, headers = {}, errors, cause }: ProblemOptions = {}) {
    super(detail ?? kind.title, { cause })
    this.code = kind.code
    this.statusCode = kind.status
    this.title = kind.title
    this.headers = headers
    this.errors = errors
  }
}

/** An entry of an errors table: the code is its key in the table. */
export interface ProblemKind {
  code: string
  status: number
  title: string
}

/** Makes an errors table: `problems({ not_found: [404, 'No such thing'] }).not_found` is a kind for `new Problem`. */
export function problems<const T extends Record<string, readonly [status: number, title: string]>>(
  table: T,
): { readonly [K in keyof T]: ProblemKind } {
  const kinds = Object.entries(table).map(([code, [status, title]]) => [code, { code, status, title }] as const)
  return Object.freeze(Object.fromEntries(kinds)) as { readonly [K in keyof T]: ProblemKind }
}

/** The body of every error answer. */
export const ProblemBody = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.String(),
    requestId: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ in: Type.String(), path: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem', title: 'Problem' },
)

/** A response schema for OpenAPI: a problem, and what it means here. `ProblemBody` must have been added to the app. */
export function problemResponse(description: string): object {
  return { description, content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } } }
}

/** What any server here can answer. */
export const common = problems({
  bad_request: [400, 'The request is malformed'],
  validation_failed: [400, 'The request does not fit its schema'],
  malformed_json: [400, 'The body is not valid JSON'],
  ambiguous_json: [400, 'The body is JSON that not every reader takes alike'],
  json_too_complex: [400, 'The body has too many levels or members'],
  route_not_found: [404, 'No such route'],
  method_not_allowed: [405, 'This route does not take that method'],
  request_timeout: [408, 'The request came too slowly'],
  body_too_large: [413, 'The body is too long'],
  url_too_long: [414, 'The URL is too long'],
  unsupported_media_type: [415, 'The body’s media type is not taken here'],
  headers_too_large: [431, 'The header block is too long'],
  internal: [500, 'Something failed here'],
})

const FASTIFY_CODES: Record<string, keyof typeof common> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_request',
  FST_ERR_BAD_URL: 'bad_request',
  FST_ERR_ASYNC_CONSTRAINT: 'bad_request',
  FST_ERR_MAX_PARAM_LENGTH: 'url_too_long',
}

/** What may be known of a thrown thing: Fastify's errors, ours of packages that know nothing of this one, libraries'. */
interface Thrown {
  message?: string
  code?: string
  statusCode?: number
  title?: string
  headers?: Record<string, string>
  validation?: { instancePath?: string; message?: string }[]
  validationContext?: string
}

/** Turns whatever was thrown into a problem; what is not ours and not Fastify's is `internal`, its text kept to the log. */
function toProblem(cause: unknown, request: FastifyRequest): Problem {
  if (cause instanceof Problem) return cause
  const thrown = (typeof cause === 'object' && cause !== null ? cause : {}) as Thrown
  const { code = '', statusCode = 0, message: detail = '' } = thrown
  if (thrown.validation) return unfit(thrown.validation, thrown.validationContext ?? 'request', cause)
  const kind = FASTIFY_CODES[code]
  if (kind) return new Problem(common[kind], { detail: wayOut(kind, request) ?? detail, cause })
  if (statusCode >= 400 && statusCode < 600 && OUR_CODE.test(code)) {
    const { title = detail || code, headers = {} } = thrown
    return new Problem({ code, status: statusCode, title }, { detail, headers, cause })
  }
  if (statusCode >= 400 && statusCode < 500) {
    return new Problem({ ...common.bad_request, status: statusCode }, { detail, cause })
  }
  return new Problem(common.internal, { cause })
}

/** Names the limit, or what would be taken, where Fastify's own words do not. */
function wayOut(kind: keyof typeof common, request: FastifyRequest): string | undefined {
  if (kind === 'body_too_large') return `the limit here is ${request.routeOptions.bodyLimit} bytes`
  if (kind !== 'unsupported_media_type') return undefined
  const json = request.server.hasContentTypeParser('application/json') ? '; send application/json' : ''
  return `${JSON.stringify(request.headers['content-type'] ?? 'no content-type')} is not taken here${json}`
}

const OUR_CODE = /^[a-z][a-z0-9_]*$/

function unfit(faults: NonNullable<Thrown['validation']>, place: string, cause: unknown): Problem {
  const errors = faults.map(({ instancePath = '', message = 'is not valid' }) => ({
    in: place,
    path: instancePath,
    message,
  }))
  const detail = errors.map((fault) => `${fault.in}${fault.path} ${fault.message}`).join('; ')
  return new Problem(common.validation_failed, { detail, errors, cause })
}

/** The answer itself. `type` names the code as a URN, since a problem's meaning must not depend on a site being up. */
export function problemBody(problem: Problem, requestId: string) {
  return {
    type: `urn:spillway:problem:${problem.code}`,
    title: problem.title,
    status: problem.statusCode,
    ...(problem.message !== problem.title && problem.message !== '' ? { detail: problem.message } : {}),
    code: problem.code,
    requestId,
    ...(problem.errors ? { errors: problem.errors } : {}),
  }
}

/** Bytes of a refused request's body that Node may read away to keep the connection. */
const LONGEST_REST = 65_536

/** Whether more of the body may come than is worth reading: Node would read it away without an end. */
function bodyGoesOn({ raw: { headers, complete } }: FastifyRequest): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > LONGEST_REST)
}

/** Fastify's error handler for every server here: 5xx are logged with their cause, the client learns only the code. */
export function answerProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error, request)
  if (problem.statusCode >= 500) request.log.error({ err: problem.cause ?? problem, code: problem.code }, problem.title)
  if (bodyGoesOn(request)) {
    closeLingering(request.raw)
    reply.header('connection', 'close')
  }
  return reply
    .code(problem.statusCode)
    .headers({ ...problem.headers })
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, request.id)))
}
