/** A declared route as OpenAPI has it, and as requests to it are validated. */
import { problemResponse } from '@spillway/service'
import type { FastifySchema } from 'fastify'
import { ownStatus } from '../own-answer.ts'
import type { Route } from '../routes-file/read.ts'
import { BEARER, problemResponses } from './docs.ts'

export function schemaOf(route: Route): FastifySchema {
  const { request, responses, auth, summary, description } = route
  const own = ownStatus(route)
  return {
    tags: ['routes'],
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(request.params ? { params: request.params } : {}),
    ...(request.query ? { querystring: request.query } : {}),
    ...(request.body ? { body: request.body } : {}),
    security: auth === 'public' ? [] : [{ [BEARER]: [] }],
    response: {
      ...problemResponses(...refusalsOf(route)),
      ...(own === undefined
        ? problemResponses(502, 503, 504)
        : { [own]: responseOf({ description: 'Made here' }, '200') }),
      ...(own !== undefined || Object.keys(responses).some((status) => status < '400') ? {} : { '2xx': ANYTHING }),
      ...Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [status, responseOf(response, status)]),
      ),
    },
  }
}

/** What may be answered before anything is sent. */
function refusalsOf({ request, auth, limits, bodyLimit }: Route): number[] {
  const may = {
    400: request.params || request.query || request.body,
    401: auth !== 'public',
    403: typeof auth === 'object',
    413: request.body || bodyLimit,
    429: limits.length > 0,
  }
  return Object.entries(may)
    .filter(([, is]) => is)
    .map(([status]) => Number(status))
}

/** Where the file does not say what the upstream answers. */
const ANYTHING = { description: 'The upstream’s answer', content: { '*/*': { schema: {} } } }

function responseOf({ description, schema }: Route['responses'][string], status: string): object {
  if (schema) return { description, content: { 'application/json': { schema } } }
  return Number(status) < 400 ? { description, type: 'null' } : problemResponse(description)
}
