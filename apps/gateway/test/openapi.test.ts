/** The description at `/openapi.json` agrees with the routes file and is one that tools can read. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRoutes } from '../src/routes-file/read.ts'
import { type Gateway, startGateway } from './gateway.ts'

interface Operation {
  summary?: string
  parameters?: { in: string; name: string; required: boolean; schema: object }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>
  security?: object[]
}
interface Description {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
}

let gateway: Gateway
let description: Description

beforeAll(async () => {
  gateway = await startGateway()
  description = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Description
})
afterAll(() => gateway.close())

const file = path.join(import.meta.dirname, '../gateway.routes.yaml')
const origin = 'http://10.0.0.1'
const variables = {
  DB_URL: origin,
  MICROSERVICE_URL: origin,
  WORKER_URL: origin,
  REMOTE_ORIGIN: origin,
  REMOTE_PATH: '/',
}
const { routes } = await readRoutes(await readFile(file, 'utf8'), { file, variables })
const declared = routes.flatMap((route) => route.methods.map((method) => ({ method, path: route.path, route })))
const operations = () => Object.values(description.paths).flatMap((methods) => Object.values(methods))

/** The document's writer gives a constant as an `enum` of one. */
const withoutConstants = (schema: object | undefined) =>
  schema &&
  JSON.parse(JSON.stringify(schema), (_name, value) => ('const' in Object(value) ? { enum: [value.const] } : value))

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 with what it must have', () => {
    expect(description.openapi).toBe('3.1.0')
    expect(description.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
    expect(description.components.securitySchemes).toHaveProperty('bearer')
    for (const operation of operations()) {
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0)
      for (const response of Object.values(operation.responses)) expect(response.description).not.toBe('')
    }
  })

  it('points to nothing that is not there', () => {
    const references = [...JSON.stringify(description).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target)
    expect(new Set(references)).toEqual(new Set(['#/components/schemas/Problem']))
    expect(description.components.schemas).toHaveProperty('Problem')
  })

  it('describes exactly what is served', () => {
    const described = Object.entries(description.paths).flatMap(([at, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${at}`),
    )
    const served = [
      ...declared.map(({ method, path: at }) => `${method} ${at}`),
      'GET /.well-known/jwks.json',
      'POST /login',
      'POST /logout',
      'POST /admin/revocations',
      'POST /admin/cache/purge',
      'POST /admin/reload',
      'GET /admin/cache/stats',
      'GET /admin/cache/entries',
      'GET /admin/faults',
      'PUT /admin/faults',
      'DELETE /admin/faults',
    ]
    expect(described.toSorted()).toEqual(served.toSorted())
  })

  it.each(declared)('describes $method $path as the file declares it', ({ method, path: at, route }) => {
    const operation = description.paths[at]?.[method.toLowerCase()] as Operation
    expect(operation.summary).toBe(route.summary)
    expect(operation.security).toEqual(route.auth === 'public' ? [] : [{ bearer: [] }])
    const parameters = (place: string) => operation.parameters?.filter((each) => each.in === place) ?? []
    const names = (schema: { properties: object } | undefined) => Object.keys(schema?.properties ?? {})
    expect(parameters('path').map(({ name }) => name)).toEqual(names(route.request.params))
    expect(parameters('query').map(({ name }) => name)).toEqual(names(route.request.query))
    expect(operation.requestBody?.content['application/json']?.schema).toEqual(withoutConstants(route.request.body))
    for (const [status, { description: text, schema }] of Object.entries(route.responses)) {
      expect(operation.responses[status]?.description).toBe(text)
      if (schema) expect(operation.responses[status]?.content?.['application/json']?.schema).toEqual(schema)
    }
    const { auth } = route
    const refusals = [
      ...['502', '503', '504'],
      ...(auth === 'public' ? [] : ['401']),
      ...(typeof auth === 'object' ? ['403'] : []),
    ]
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(refusals))
  })

  it('has a page for people', async () => {
    const page = await fetch(`${gateway.url}/docs`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  })
})
