/** `GET /openapi.json`: what operators may ask, described by the schemas that validate it. */
import swagger from '@fastify/swagger'
import { ProblemBody } from '@spillway/service'
import type { App } from './admin.ts'
import { Endpoint } from './routes/upstreams.ts'

const description = `The operators' port of a balancer.

What is asked for here lives in this process: a restart forgets all of it, and so does a reload for the clusters that
it changes. Which endpoints exist is for the configuration alone to say.

Unsafe methods need \`content-type: application/json\`, also without a body. Web pages are refused.`

/** Must come before the routes it describes. */
export async function openapi(app: App): Promise<void> {
  app.addSchema(ProblemBody)
  app.addSchema(Endpoint)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Spillway balancer',
        version: '0.1.0',
        license: { name: 'MIT', identifier: 'MIT' },
        description,
      },
      servers: [{ url: '/' }],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `schema-${index}`) },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}
