/** `GET /docs` and `/openapi.json`: the API's own description, made of the schemas that validate it. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { ProblemBody, problemResponse } from '@spillway/service'
import type { FastifySchema } from 'fastify'
import type { App } from '../server.ts'

/** The name of the one way to sign in, as routes refer to it. */
export const BEARER = 'bearer'

/** Must come before the routes it describes. */
export async function docs(app: App): Promise<void> {
  app.addSchema(ProblemBody)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Spillway',
        version: '0.1.0',
        license: { name: 'MIT', identifier: 'MIT' },
        description: 'The API behind the front door. Sign in at `/login`, then send `Authorization: Bearer TOKEN`.',
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'routes', description: 'What the routes file declares' },
        { name: 'identity', description: 'Signing in' },
        { name: 'administration', description: 'For the role `admin`' },
      ],
      components: { securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    transform: ({ schema, url, route }) => ({ schema: described(schema, url, String(route.method)), url }),
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `schema-${index}`) },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

/** What every operation has: a name, for those who make clients of it, and what all other failures look like. */
function described(schema: FastifySchema | undefined, url: string, method: string): FastifySchema {
  const words = `${method.toLowerCase()}${url}`.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const [first = '', ...rest] = words
  const { response = {}, ...about } = worded(schema ?? {})
  return {
    operationId: first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''),
    ...about,
    response: {
      ...(response as object),
      '4xx': problemResponse('Any other refusal'),
      '5xx': problemResponse('Any other failure'),
    },
  }
}

/** Without `wants`, which is for the messages of files and settings, and no word of JSON Schema. */
function worded(schema: FastifySchema): FastifySchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value) => (key === 'wants' && typeof value === 'string' ? undefined : value)),
  )
}

const TITLES: Record<number, string> = {
  400: 'The request does not fit its schema',
  401: 'Not signed in',
  403: 'The role is missing',
  409: 'The token cannot be revoked here',
  413: 'The body is too long',
  422: 'It fits its schema, and still cannot be used; the problem says why',
  429: 'Too many requests; `Retry-After` says when to come again',
  502: 'The upstream could not be reached or broke off',
  503: 'Nothing can answer now; `Retry-After` says when to come again',
  504: 'The upstream was too slow',
}

/** Response schemas for refusals and failures, by status. */
export function problemResponses(...statuses: (keyof typeof TITLES)[]): Record<string, object> {
  return Object.fromEntries(statuses.map((status) => [status, problemResponse(TITLES[status] ?? '')]))
}
