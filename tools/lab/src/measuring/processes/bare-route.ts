/** A bare Fastify route that sends the fields and the body it was given: what a hit would cost if it were no work at all. */
import { readFileSync } from 'node:fs'
import fastify from 'fastify'

export interface BareRoutePlan {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const [port, file = ''] = process.argv.slice(2)
const { path, headers, body } = JSON.parse(readFileSync(file, 'utf8')) as BareRoutePlan
const bytes = Buffer.from(body)

const app = fastify({ logger: false })
app.get('/ready', () => 'ready')
app.get(path, (_request, reply) => reply.headers(headers).send(bytes))
await app.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
