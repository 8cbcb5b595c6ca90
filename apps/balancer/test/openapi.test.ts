import { request } from 'undici'
import { expect, it } from 'vitest'
import { balancer, echo, gateway } from './world.ts'

interface Operation {
  summary?: string
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { description?: string; content?: Record<string, unknown> }>
}

it('the operators’ port describes all that it serves, in OpenAPI 3.1 that tools can read', async () => {
  const { adminUrl } = await balancer([(await gateway(echo)).origin])
  const text = await (await request(`${adminUrl}/openapi.json`)).body.text()
  const description = JSON.parse(text) as {
    openapi: string
    paths: Record<string, Record<string, Operation>>
    components: { schemas: Record<string, unknown> }
  }
  expect(description.openapi).toBe('3.1.0')
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  )
  expect(operations.map(({ name }) => name).toSorted()).toEqual([
    'GET /events',
    'GET /policy',
    'GET /upstreams',
    'GET /upstreams/{id}',
    'POST /reload',
    'POST /upstreams/{id}/drain',
    'POST /upstreams/{id}/eject',
    'POST /upstreams/{id}/undrain',
    'POST /upstreams/{id}/weight',
    'PUT /policy',
  ])
  for (const { name, operation } of operations) {
    expect(operation.summary, name).toBeTruthy()
    expect(Object.keys(operation.responses), name).toContain('200')
    for (const { description: said } of Object.values(operation.responses)) expect(said, name).toBeTruthy()
    if (operation.requestBody) expect(Object.keys(operation.requestBody.content)).toEqual(['application/json'])
  }
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name)
  expect(new Set(references)).toEqual(new Set(Object.keys(description.components.schemas)))
  expect(Object.keys(description.components.schemas).toSorted()).toEqual(['Endpoint', 'Problem'])
  expect(description.paths['/policy']?.['put']?.requestBody?.content['application/json']?.schema).toMatchObject({
    properties: { policy: { enum: expect.arrayContaining(['hash', 'p2c-ewma']) } },
  })
})
