/**
 * What a team would put together today: @fastify/http-proxy with @fastify/jwt, @fastify/rate-limit and Fastify's own
 * validation, each as its manual shows it. Verified tokens are remembered, as they are by our gateway.
 */
import { createPublicKey, type JsonWebKeyInput } from 'node:crypto'
import { readFileSync } from 'node:fs'
import httpProxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import fastify from 'fastify'
import type { Plugin } from '../features.ts'

export interface UsualStackPlan {
  readonly port: number
  readonly upstream: string
  readonly path: string
  readonly plugins: readonly Plugin[]
  /** The file of the keys that tokens are signed with. */
  readonly keys: string
}

const { port, upstream, path, plugins, keys } = JSON.parse(process.argv[2] ?? '') as UsualStackPlan

const app = fastify({ logger: false })
app.get('/ready', () => 'ready')
if (plugins.includes('jwt')) {
  const { keys: set } = JSON.parse(readFileSync(keys, 'utf8')) as { keys: [JsonWebKeyInput['key']] }
  const pem = createPublicKey({ key: set[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  await app.register(jwt, {
    secret: { public: pem.toString() },
    verify: { algorithms: ['EdDSA'], requiredClaims: ['sub', 'exp'], cache: 5000 },
  })
}
if (plugins.includes('limit')) await app.register(rateLimit, { max: 1_000_000_000, timeWindow: 1000 })
if (plugins.includes('schema')) {
  const n = { type: 'integer', minimum: 0 }
  const querystring = { type: 'object', properties: { n }, required: ['n'], additionalProperties: false }
  app.addHook('onRoute', (route) => {
    route.schema = { querystring }
  })
}
await app.register(httpProxy, {
  upstream,
  prefix: path,
  rewritePrefix: path,
  httpMethods: ['GET'],
  // Its own 128 connections would make clients stand in line.
  undici: { connections: 1024, pipelining: 1 },
  ...(plugins.includes('jwt') ? { preHandler: (request) => request.jwtVerify() } : {}),
})
await app.listen({ port, host: '127.0.0.1', backlog: 1024 })
