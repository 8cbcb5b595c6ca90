/** Forwarding on a Fastify that has nothing of ours but `intake`. */
import http from 'node:http'
import { intake } from '@spillway/intake'
import { Upstreams } from '@spillway/upstreams'
import Fastify from 'fastify'
import { expect, it, onTestFinished } from 'vitest'
import { createForward, type ForwardedRequest, type ForwardOptions } from '../src/index.ts'
import { nobody, upstream } from './wire.ts'

async function bare(
  origin: string,
  more: { server?: object; how?: ForwardedRequest; headers?: ForwardOptions['headers'] } = {},
): Promise<string> {
  const shop = new Upstreams({ name: 'shop', endpoints: [origin], check: false })
  const app = Object.assign(Fastify(), more.server)
  await app.register(intake)
  for (const method of http.METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  const forward = createForward({ dispatcher: shop, origin: 'http://shop', name: 'front', headers: more.headers ?? {} })
  app.all('*', (request, reply) => forward(request, reply, more.how))
  app.addHook('onClose', () => shop.close())
  onTestFinished(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

it('passes body and trace on, and says who answered', async () => {
  const { origin } = await upstream(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    response.end(JSON.stringify({ body: `${body}`, headers: request.headers }))
  })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const asked = { method: 'POST', body: '{"a": 1}', headers: { traceparent, 'content-type': 'application/json' } }
  const answer = await fetch(`${await bare(origin)}/cart`, asked)
  const seen = (await answer.json()) as { body: string; headers: Record<string, string> }
  expect(seen.body).toBe('{"a": 1}')
  expect(seen.headers['traceparent']).toBe(traceparent)
  expect(seen.headers['x-request-id']).toBe(answer.headers.get('x-request-id'))
  expect(answer.headers.get('x-served-by')).toBe('front')
})

it('adds no trace where the client began none', async () => {
  const { origin } = await upstream((request, response) => response.end(String(request.headers['traceparent'])))
  expect(await (await fetch(await bare(origin))).text()).toBe('undefined')
})

it('adds what a server says by default where neither the upstream nor the route says anything', async () => {
  const { origin } = await upstream((_request, response) => response.setHeader('x-a', 'theirs').end())
  const server = { answerDefaults: () => ({ 'x-a': 'ours', 'x-b': 'ours', 'x-c': 'ours', 'x-d': 'ours' }) }
  const headers = { response: { set: { 'X-C': 'told' }, remove: ['x-d'] } }
  const said = (await fetch(await bare(origin, { server, headers }))).headers
  expect(['x-a', 'x-b', 'x-c', 'x-d'].map((name) => said.get(name))).toEqual(['theirs', 'ours', 'told', null])
})

it('tells for how long a request was held up on purpose, and takes it off its time', async () => {
  const { origin } = await upstream((request, response) => response.end(String(request.headers['x-timeout-ms'])))
  const answer = await fetch(await bare(origin, { how: { faultMs: 200, queuedMs: 50 } }))
  expect(answer.headers.get('server-timing')).toContain('queue;dur=50.0, fault;dur=200.0;desc="fault_injected"')
  expect(await answer.text()).toBe('14750')
  expect((await fetch(await bare(origin, { how: { faultMs: 15_000 } }))).status).toBe(504)
})

it('fails as Fastify fails, with the status and the fields of a proxy', async () => {
  const answer = await fetch(await bare(nobody()))
  expect(answer.status).toBe(502)
  expect(answer.headers.get('proxy-status')).toBe('front; error=connection_refused')
  expect(await answer.json()).toMatchObject({ statusCode: 502, code: 'upstream_unreachable' })
})
