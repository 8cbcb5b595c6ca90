/** What a web page could have an operator's browser send to the operators' port. */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { beforeEach, describe, expect, it } from 'vitest'
import { balancer, echo, gateway } from './world.ts'

type Headers = Record<string, string>

let adminUrl: string
let upstreams: Awaited<ReturnType<typeof balancer>>['upstreams']
let id: string

beforeEach(async () => {
  const { origin } = await gateway(echo)
  ;({ adminUrl, upstreams } = await balancer([origin], { ADMIN_HOSTS: 'Balancer.internal, ops' }))
  id = JSON.parse((await send('GET', '/upstreams')).body).endpoints[0].id
})

/** Exactly these headers, beside `Host` where none is given. */
function send(method: string, path: string, headers: Headers = {}, body = '') {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const length: Headers = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const asking = http.request(adminUrl + path, { method, headers: { ...headers, ...length } }, async (answer) => {
      let text = ''
      for await (const chunk of answer.setEncoding('utf8')) text += chunk
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text })
    })
    asking.on('error', reject).end(body)
  })
}
const json = { 'content-type': 'application/json' }
const drained = () => upstreams.endpoints().map((endpoint) => endpoint.drained)
const code = ({ body }: { body: string }) => JSON.parse(body).code

describe('a page that rebinds its name to this port’s address', () => {
  it.for(['evil.example', 'evil.example:8001', '127.0.0.1.evil.example', 'localhost.evil.example', 'xlocalhost'])(
    'is refused, as Host %s',
    async (host) => {
      for (const path of ['/upstreams', '/metrics', '/ready', '/openapi.json', '/nothing']) {
        expect(code(await send('GET', path, { host }))).toBe('host_not_named')
      }
      expect(code(await send('POST', `/upstreams/${id}/drain`, { host, ...json }))).toBe('host_not_named')
      expect(drained()).toEqual([false])
    },
  )

  it.for([
    'evil.example:127.0.0.1',
    '[evil.example]',
    '127.0.0.1@evil.example',
    'evil.example/127.0.0.1',
    '127.0.0.1, evil.example',
  ])('is refused before that, as Host %s, which is none', async (host) => {
    expect(code(await send('GET', '/upstreams', { host }))).toBe('ambiguous_request')
    expect(code(await send('POST', `/upstreams/${id}/drain`, { host, ...json }))).toBe('ambiguous_request')
    expect(drained()).toEqual([false])
  })

  it('is refused without a Host, as HTTP/1.0 has it', async () => {
    const socket = net.connect(Number(new URL(adminUrl).port), '127.0.0.1')
    socket.write('GET /upstreams HTTP/1.0\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 421 /)
    socket.destroy()
  })

  it.for(['localhost', 'LOCALHOST:1', '127.0.0.1', '10.1.2.3:8001', '[::1]:8001', 'balancer.internal', 'OPS:8001'])(
    'is none where Host is %s',
    async (host) => {
      expect((await send('GET', '/upstreams', { host })).status).toBe(200)
    },
  )
})

describe('a page of another site', () => {
  it.for([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'weight=2'],
    ['a form with a file', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--'],
    ['JSON in a form of plain text', { 'content-type': 'text/plain' }, '{"weight":2}'],
    ['nothing, which needs no type', {}, ''],
    ['JSON without a type', {}, '{"weight":2}'],
    ['an empty type', { 'content-type': '' }, '{"weight":2}'],
    ['another type that speaks of JSON', { 'content-type': 'text/plain; application/json' }, '{"weight":2}'],
    ['another type with JSON as its parameter', { 'content-type': 'text/plain;x=application/json' }, '{"weight":2}'],
    ['a type that only begins so', { 'content-type': 'application/jsonp' }, '{"weight":2}'],
    ['two types', { 'content-type': 'text/plain, application/json' }, '{"weight":2}'],
  ] as const)('cannot change anything with %s', async ([, headers, body]) => {
    for (const [method, path] of [
      ['POST', `/upstreams/${id}/drain`],
      ['POST', `/upstreams/${id}/weight`],
      ['PUT', '/policy'],
      ['POST', '/reload'],
    ] as const) {
      const answer = await send(method, path, headers, body)
      expect([answer.status, code(answer)]).toEqual([415, 'unsupported_media_type'])
    }
    expect(upstreams.endpoints()).toMatchObject([{ drained: false, weight: 1 }])
    expect(upstreams.policy).toBe('round-robin')
  })

  it.for([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'same-site' },
  ] as Headers[])('cannot, even as JSON, with %o', async (headers) => {
    expect(code(await send('POST', `/upstreams/${id}/drain`, { ...json, ...headers }))).toBe('cross_site_refused')
    expect(drained()).toEqual([false])
  })

  it('is not allowed to ask by CORS', async () => {
    const preflight = await send('OPTIONS', `/upstreams/${id}/drain`, {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    })
    expect(preflight.status).toBe(403)
    const answers = [preflight, await send('GET', '/upstreams'), await send('OPTIONS', '/upstreams')]
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })

  it('cannot have anything read, nor take a listener’s place, but a link to here may be followed', async () => {
    const image = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }
    const frame = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }
    for (const headers of [image, frame, { origin: 'null' }]) {
      expect(code(await send('GET', '/events', headers))).toBe('cross_site_refused')
      expect(code(await send('GET', '/upstreams', headers))).toBe('cross_site_refused')
    }
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect((await send('GET', '/upstreams', link)).status).toBe(200)
    expect((await send('GET', '/upstreams', { 'sec-fetch-site': 'none' })).status).toBe(200)
  })
})

it('what operators send changes things: JSON, with a body that says nothing or without one', async () => {
  expect((await send('POST', `/upstreams/${id}/drain`, json)).status).toBe(200)
  expect(drained()).toEqual([true])
  const charset = { 'content-type': 'Application/JSON; charset=utf-8' }
  expect((await send('POST', `/upstreams/${id}/undrain`, charset, '{}')).status).toBe(200)
  expect(drained()).toEqual([false])
})
