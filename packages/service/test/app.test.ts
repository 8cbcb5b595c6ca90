import { type AddressInfo, connect } from 'node:net'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp, createContext, Problem, problems } from '../src/index.ts'
import { send } from './wire.ts'

const errors = problems({ brewing: [418, 'It is a teapot'] })
const context = createContext('sample', { INSTANCE: 'sample-1', LOG_LEVEL: 'silent' })
const app = await createApp(context, { bodyLimit: 100 })

class ForeignError extends Error {
  code = 'no_upstream2'
  statusCode = 503
  title = 'Nobody is there'
  headers = { 'retry-after': '1' }
}

const thrown: Record<string, unknown> = {
  error: new Error('a secret cause'),
  problem: new Problem(errors.brewing, { detail: 'short and stout', headers: { 'retry-after': '3' } }),
  foreign: new ForeignError('all of them are ejected'),
  conflict: Object.assign(new Error('a library says so'), { statusCode: 409 }),
  text: 'a secret text',
  number: 42,
  null: null,
  undefined: undefined,
  object: { message: 'a secret object', statusCode: 503, code: 'SECRET' },
  liar: Object.assign(new Error('a secret lie'), { statusCode: 200, code: 'all_well' }),
}

app.post('/body', { schema: { body: Type.Object({ n: Type.Integer() }) } }, (request) => request.body)
app.get(
  '/items/:key',
  { schema: { params: Type.Object({ key: Type.String({ maxLength: 3 }) }) } },
  ({ params }) => params,
)
app.put('/items/:key', ({ headers }) => headers)
app.get('/throws/:what', async ({ params }) => {
  throw thrown[(params as { what: string }).what]
})
app.get('/throws-at-once/:what', ({ params }) => {
  throw thrown[(params as { what: string }).what]
})
app.get('/version', { constraints: { version: '1.0.0' } }, () => 'one')
app.get('/version', { constraints: { version: '2.0.0' } }, () => 'two')
app.head('/head', (_request, reply) => reply.send())
app.get('/trace', ({ trace }) => trace)
app.post('/streams', (request, reply) => {
  reply.raw.writeHead(200, { 'content-type': 'text/plain', ...app.answerHeaders(request) })
  reply.raw.write('begun')
  reply.hijack()
  request.raw.on('error', () => {})
  request.raw.resume()
})
app.post('/guarded', { onRequest: async () => Promise.reject(new Problem(errors.brewing)) }, () => 'never')
app.addContentTypeParser('application/octet-stream', (_request, _payload, done) => done(null))

let port = 0
let origin = ''

beforeAll(async () => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
  origin = `http://127.0.0.1:${port}`
  context.lifecycle.ready()
})
afterAll(() => app.close())

async function ask(path: string, init?: RequestInit) {
  const response = await fetch(`${origin}${path}`, init)
  const text = await response.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined
  return { status: response.status, headers: response.headers, text, body }
}

async function problem(path: string, init?: RequestInit) {
  const answer = await ask(path, init)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.headers.get('x-request-id')).toBe(answer.body?.['requestId'])
  expect(answer.headers.get('x-served-by')).toBe('sample-1')
  expect(answer.headers.get('x-load')).toMatch(/^inflight=\d+, latency=\d+\.\d\d$/)
  expect(answer.body).toMatchObject({ status: answer.status, type: `urn:spillway:problem:${answer.body?.['code']}` })
  return answer
}

const json = (body: string, type = 'application/json') => ({ method: 'POST', headers: { 'content-type': type }, body })

describe('a refusal', () => {
  it('of an unknown route is 404 route_not_found', async () => {
    const { status, body } = await problem('/nowhere?secret=1')
    expect({ status, code: body?.['code'], detail: body?.['detail'] }).toEqual({
      status: 404,
      code: 'route_not_found',
      detail: 'nothing answers GET /nowhere',
    })
  })

  it('of a wrong method is 405 and says which the route takes', async () => {
    const { status, headers, body } = await problem('/items/a?b=c', { method: 'DELETE' })
    expect({ status, code: body?.['code'], allow: headers.get('allow') }).toEqual({
      status: 405,
      code: 'method_not_allowed',
      allow: 'GET, HEAD, PUT',
    })
    expect((await problem('/body')).headers.get('allow')).toBe('POST')
    expect((await problem('/version', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD')
    expect((await problem('/health', { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD')
  })

  it.each([
    ['of a type that is not taken', 'POST', { 'content-type': 'text/xml' }],
    ['of no type, where the method asks for one (RFC 10008, 2)', 'QUERY', {}],
    ['that is malformed', 'PUT', { 'content-type': 'application/json' }],
  ])('of a wrong method does not look at its body %s', async (_name, method, headers) => {
    const body = method === 'QUERY' ? {} : { body: '{' }
    expect(await problem('/version', { method, headers, ...body })).toMatchObject({ status: 405 })
    expect(await problem('/nowhere', { method, headers, ...body })).toMatchObject({ status: 404 })
  })

  it.each([
    ['malformed JSON', json('{"n":'), 400, 'malformed_json'],
    ['an empty JSON body', json(''), 400, 'malformed_json'],
    ['a prototype in the JSON', json('{"n":1,"__proto__":{"a":1}}'), 400, 'ambiguous_json'],
    ['a name that comes twice in the JSON', json('{"n":1,"n":2}'), 400, 'ambiguous_json'],
    ['a body that does not fit', json('{"n":"x"}'), 400, 'validation_failed'],
    ['too long a body', json(`{"n":${'1'.repeat(200)}}`), 413, 'body_too_large'],
    ['another media type', json('<n/>', 'text/xml'), 415, 'unsupported_media_type'],
    ['plain text', json('{}', 'text/plain'), 415, 'unsupported_media_type'],
    ['a media type that is none', json('{}', 'nonsense'), 415, 'unsupported_media_type'],
  ])('of %s', async (_name, init, status, code) => {
    expect(await problem('/body', init)).toMatchObject({ status, body: { code } })
  })

  it('names the limit, or what would be taken', async () => {
    const tooLong = await problem('/body', json(`{"n":${'1'.repeat(200)}}`))
    expect(tooLong.body?.['detail']).toBe('the limit here is 100 bytes')
    const text = await problem('/body', json('{}', 'text/plain'))
    expect(text.body?.['detail']).toBe('"text/plain" is not taken here; send application/json')
  })

  it('names every part that does not fit, and where it is', async () => {
    expect((await problem('/body', json('{"n":1.5}'))).body).toMatchObject({
      errors: [{ in: 'body', path: '/n', message: expect.stringMatching(/integer/) }],
    })
    expect((await problem('/items/abcd')).body).toMatchObject({ errors: [{ in: 'params', path: '/key' }] })
  })

  it('of a URL over 8192 bytes is 414, and of one of 8192 is not', async () => {
    const long = (bytes: number) => `/nowhere?${'x'.repeat(bytes - 9)}`
    expect(await problem(long(8192))).toMatchObject({ status: 404 })
    expect(await problem(long(8193))).toMatchObject({ status: 414, body: { code: 'url_too_long' } })
    expect(await problem(`/items/${'x'.repeat(8000)}`)).toMatchObject({
      status: 400,
      body: { code: 'validation_failed' },
    })
  })

  it('of more than 1,000 parameters is 414, and of more than 100 fields 431', async () => {
    const parameters = (count: number) => `/nowhere?${'a&'.repeat(count - 1)}a`
    expect(await problem(parameters(1000))).toMatchObject({ status: 404 })
    expect(await problem(parameters(1001))).toMatchObject({ status: 414, body: { code: 'url_too_long' } })
    const fields = (count: number) => `GET /items/a HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(count - 1)}\r\n`
    expect(await send(port, fields(100), /\}$/)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await send(port, fields(101), /\}$/)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"headers_too_large"/)
  })

  it('of bad percent-encoding is 400', async () => {
    expect(await problem('/items/%zz')).toMatchObject({ status: 400, body: { code: 'bad_request' } })
    expect(await problem('/items/%c3%28')).toMatchObject({ status: 400, body: { code: 'bad_request' } })
  })

  it('of too long a header block is 431, and reaches a client that is still sending', async () => {
    const answer = await send(port, `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 The header block is too long\r\n/)
    expect(answer).toMatch(
      /content-type: application\/problem\+json\r\n.*\r\nx-request-id: ([0-9a-f]{32})\r\n[\s\S]*"requestId":"\1"/,
    )
    expect(answer).toContain('"code":"headers_too_large"')
  })

  it.each([
    'nonsense\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n',
    'POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
    'GET / HTTP/9.9\r\nhost: a\r\n\r\n',
  ])('of the unparsable %j is 400 and closes', async (bytes) => {
    const answer = await send(port, bytes)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toMatch(/connection: close/i)
  })

  it('never follows an answer that has begun: the connection breaks instead', async () => {
    const head =
      'POST /streams HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    const socket = connect({ port, host: '127.0.0.1' })
    let came = ''
    const closed = Promise.withResolvers<void>()
    socket.on('data', (chunk) => {
      came += chunk
      if (came.includes('begun')) socket.write('not a chunk\r\n')
    })
    socket.on('error', () => {})
    socket.on('close', () => closed.resolve())
    socket.write(head)
    await closed.promise
    expect(came).toMatch(/^HTTP\/1\.1 200 /)
    expect(came).not.toContain('HTTP/1.1 400')
    expect(came).not.toMatch(/0\r\n\r\n$/)
  })

  it('before a body without an end is read closes the connection; a short body is read away', async () => {
    const refused = 'POST /guarded HTTP/1.1\r\nhost: a\r\n'
    const endless = await send(port, `${refused}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n`)
    expect(endless).toMatch(/^HTTP\/1\.1 418 [\s\S]*connection: close/i)
    const great = await send(port, `${refused}content-length: 1000000\r\n\r\n`)
    expect(great).toMatch(/^HTTP\/1\.1 418 [\s\S]*connection: close/i)
    const short = await send(port, `${refused}content-length: 1\r\n\r\nx`, /\}$/)
    expect(short).toMatch(/^HTTP\/1\.1 418 [\s\S]*connection: keep-alive/i)
  })

  it('of a body that is too long reaches a client that sends all of it before it reads', async () => {
    const socket = connect({ port, host: '127.0.0.1' }).pause()
    const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(came)))
    let came = ''
    socket.on('error', () => {}).on('data', (chunk) => (came += chunk))
    const head = 'POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 8000000\r\n\r\n'
    await new Promise((resolve) => socket.write(head + ' '.repeat(8_000_000), resolve))
    socket.resume()
    expect(await ended).toMatch(/^HTTP\/1\.1 413 [\s\S]*body_too_large/)
  })

  it('of a body that is not there does not wait for one, whatever type is named', async () => {
    const typed = 'HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n'
    expect(await send(port, `POST /body ${typed}`)).toMatch(/^HTTP\/1\.1 400 /)
    expect(await send(port, `POST /nowhere ${typed}`)).toMatch(/^HTTP\/1\.1 404 /)
    expect(await send(port, `GET /health ${typed}`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('of a body that is too long closes the connection instead of reading it', async () => {
    const answer = await send(
      port,
      'POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe('a failure', () => {
  it.each(['/throws', '/throws-at-once'])('at %s tells the client its code, and nothing else', async (path) => {
    for (const what of ['error', 'text', 'number', 'null', 'object', 'liar']) {
      const { status, text, body } = await problem(`${path}/${what}`)
      expect({ what, status, code: body?.['code'] }).toEqual({ what, status: 500, code: 'internal' })
      expect(text).not.toMatch(/secret/i)
    }
  })

  it('of ours keeps its code, status, detail and headers', async () => {
    const { status, headers, body } = await problem('/throws/problem')
    expect(status).toBe(418)
    expect(headers.get('retry-after')).toBe('3')
    expect(body).toMatchObject({ code: 'brewing', title: 'It is a teapot', detail: 'short and stout' })
  })

  it('of a package that does not know this one keeps its code, status, title and headers', async () => {
    const { status, headers, body } = await problem('/throws/foreign')
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('1')
    expect(body).toMatchObject({ code: 'no_upstream2', title: 'Nobody is there', detail: 'all of them are ejected' })
  })

  it('with only a status keeps it', async () => {
    expect(await problem('/throws/conflict')).toMatchObject({ status: 409, body: { code: 'bad_request' } })
  })
})

describe('every answer', () => {
  it('carries who answered, how long it took and how loaded it is, and the request’s id', async () => {
    const { headers } = await ask('/items/a', { headers: { 'x-request-id': 'mine-1' } })
    expect(headers.get('x-request-id')).toBe('mine-1')
    expect(headers.get('x-served-by')).toBe('sample-1')
    expect(headers.get('x-load')).toMatch(/^inflight=1, latency=/)
    expect(headers.get('server-timing')).toMatch(/^sample-1;dur=\d+\.\d$/)
  })

  it('carries a new id where the client’s could do harm', async () => {
    const answer = await send(
      port,
      'GET /items/a HTTP/1.1\r\nhost: a\r\nx-request-id: a"} b\r\nconnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/x-request-id: [0-9a-f]{32}\r\n/)
    const twice = 'GET /items/a HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\nx-request-id: b\r\nconnection: close\r\n\r\n'
    expect(await send(port, twice)).toMatch(/x-request-id: [0-9a-f]{32}\r\n/)
  })

  it('says how long an idle connection is kept', async () => {
    expect((await ask('/items/a')).headers.get('keep-alive')).toBe('timeout=75')
  })

  it('closes the connection of an HTTP/1.0 client', async () => {
    expect(await send(port, 'GET /items/a HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*{"key":"a"}$/)
  })

  it('to HEAD has the head that GET has', async () => {
    const answer = await send(port, 'HEAD /items/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 11\r\n[\s\S]*\r\n\r\n$/)
    expect(await send(port, 'HEAD /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 404 [\s\S]*\r\n\r\n$/,
    )
  })

  it('counts requests down again, also those whose client left', async () => {
    await send(port, 'POST /streams HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n', /begun/)
    await expect.poll(async () => (await ask('/items/a')).headers.get('x-load')).toMatch(/^inflight=1, /)
  })
})

describe('a trace', () => {
  it('is continued, or begun', async () => {
    const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect((await ask('/trace', { headers: { traceparent: given } })).body).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
    })
    expect((await ask('/trace')).body).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
  })
})

describe('routes', () => {
  it('may stand at one path under several constraints, and a HEAD of their own', async () => {
    expect((await ask('/version', { headers: { 'accept-version': '2.x' } })).text).toBe('two')
    expect((await ask('/head', { method: 'HEAD' })).status).toBe(200)
  })
})

describe('operators', () => {
  it('find health, readiness and metrics', async () => {
    expect((await ask('/health')).body).toMatchObject({ status: 'ok' })
    expect((await ask('/ready')).body).toMatchObject({ status: 'ready' })
    expect((await ask('/metrics')).text).toMatch(
      /http_server_request_duration_seconds_count\{.*http_route="\/items\/:key"/,
    )
  })

  it('find nothing of it on a server that is not theirs', async () => {
    const plain = await createApp(context, { operators: false, measured: false })
    for (const url of ['/health', '/ready', '/metrics']) expect((await plain.inject(url)).statusCode).toBe(404)
    await plain.close()
  })
})

describe('trusted proxies', () => {
  it('alone are believed about whom they forward, and what the request is called', async () => {
    for (const [trustedProxies, believed] of [
      [['127.0.0.0/8'], '192.0.2.1 mine'],
      [['10.0.0.0/8'], expect.stringMatching(/^127\.0\.0\.1 [0-9a-f]{32}$/)],
      [[], expect.stringMatching(/^127\.0\.0\.1 [0-9a-f]{32}$/)],
    ] as const) {
      const behind = await createApp(createContext('x', { LOG_LEVEL: 'silent' }), { trustedProxies })
      behind.get('/who', ({ ip, id }) => `${ip} ${id}`)
      const headers = { 'x-forwarded-for': '192.0.2.1', 'x-request-id': 'mine' }
      expect((await behind.inject({ url: '/who', headers })).body).toEqual(believed)
      await behind.close()
    }
  })
})
