/** "What a proxy owes", as one suite for every way of mounting a proxy. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type http from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleepAtMost } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ask, bodyOf, nobody, RawClient, rawUpstream, upstream } from './wire.ts'

interface MountOptions {
  /** Whether loopback peers are believed. Default: false. */
  trusting?: boolean
  host?: 'preserve' | 'upstream'
  identity?: 'forward' | 'none'
  draining?: boolean
}

/** Starts a proxy called `edge` that sends everything to `origin`; returns its port. It ends with the test. */
export type Mount = (origin: string, options?: MountOptions) => Promise<number>

/** Fails loudly, where a promise would otherwise hang to the suite's limit. */
async function within<T>(ms: number, what: Promise<T>): Promise<T> {
  const late = new AbortController()
  const timer = sleepAtMost(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`nothing happened within ${ms} ms`)
  })
  timer.catch(() => {})
  try {
    return (await Promise.race([what, timer])) as T
  } finally {
    late.abort()
  }
}

/** `path` is one that passes this way of mounting as it is. */
export function whatAProxyOwes(mount: Mount, { path = '/a%2Fb/../c;d=1//e?q=%20a+b&q=&%C3%A9' } = {}): void {
  /** The head the upstream saw. */
  async function seen(options: http.RequestOptions & { body?: string }, mounted: MountOptions = {}) {
    let head: http.IncomingMessage | undefined
    const { origin } = await upstream((request, response) => {
      head = request
      request.resume().once('end', () => response.end())
    })
    const port = await mount(origin, mounted)
    await ask(port, options)
    if (!head) throw new Error('the upstream saw nothing')
    return { ...head.headers, headers: head.headers, url: head.url, authority: origin.slice(7) }
  }

  describe('the request', () => {
    it.for(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'PROPFIND'])(
      '%s passes with path, query and body as they are',
      async (method) => {
        const { origin } = await upstream(async (request, response) => {
          const body = await bodyOf(request)
          response.setHeader('x-seen', encodeURIComponent(`${request.method} ${request.url} ${body}`))
          response.end('done')
        })
        const port = await mount(origin)
        const body = method === 'GET' || method === 'HEAD' ? '' : 'caf\u00e9 \0 body'
        const reply = await ask(port, {
          method,
          path,
          body,
          headers: { 'content-type': 'not a type', 'content-length': Buffer.byteLength(body) },
        })
        expect(reply.status).toBe(200)
        expect(decodeURIComponent(String(reply.headers['x-seen']))).toBe(`${method} ${path} ${body}`)
        expect(reply.body.toString()).toBe(method === 'HEAD' ? '' : 'done')
      },
    )

    it('loses its hop-by-hop fields and those that Connection names', async () => {
      const head = await seen({
        headers: {
          connection: 'close, X-Private',
          'keep-alive': 'timeout=5',
          te: 'trailers',
          upgrade: 'h2c',
          'proxy-connection': 'keep-alive',
          'proxy-authorization': 'basic x',
          'proxy-anything': '1',
          proxy: 'http://evil.example',
          'x-load': 'inflight=1',
          'x-private': 'yes',
          'x-public': 'yes',
        },
      })
      expect(head).toHaveProperty('x-public', 'yes')
      for (const name of ['keep-alive', 'te', 'upgrade', 'x-load', 'x-private']) expect(head).not.toHaveProperty(name)
      expect(Object.keys(head).filter((name) => name.startsWith('proxy'))).toEqual([])
      expect(head.connection).not.toContain('rivate')
    })

    it('carries Via, Forwarded and X-Forwarded-*, in which a stranger is not believed', async () => {
      const head = await seen({
        headers: {
          host: 'shop.example',
          via: '1.1 before',
          forwarded: 'for=9.9.9.9',
          'x-forwarded-for': '9.9.9.9',
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'https',
          'x-forwarded-port': '443',
          // One variable with the field above for CGI and its heirs.
          x_forwarded_for: '9.9.9.9',
          x_forwarded_port: '443',
          x_request_id: 'theirs',
        },
      })
      expect(head).toMatchObject({
        via: '1.1 before, 1.1 edge',
        forwarded: 'for=127.0.0.1;host="shop.example";proto=http',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'shop.example',
        'x-forwarded-proto': 'http',
      })
      expect(head).not.toHaveProperty('x-forwarded-port')
      expect(Object.keys(head).filter((name) => name.includes('_'))).toEqual([])
    })

    it('keeps what a trusted peer says of its client, and appends', async () => {
      const head = await seen(
        {
          headers: {
            forwarded: 'for=9.9.9.9;proto=https',
            'x-forwarded-for': '9.9.9.9',
            'x-forwarded-host': 'shop.example',
            'x-forwarded-proto': 'https',
          },
        },
        { trusting: true },
      )
      expect(head).toMatchObject({
        'x-forwarded-for': '9.9.9.9, 127.0.0.1',
        'x-forwarded-host': 'shop.example',
        'x-forwarded-proto': 'https',
      })
      expect(head.headers['forwarded']).toMatch(
        /^for=9\.9\.9\.9;proto=https, for=127\.0\.0\.1;host="127\.0\.0\.1:\d+";proto=https$/,
      )
    })

    it('is named: the id and the trace go on', async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      const head = await seen({ headers: { 'x-request-id': 'abc-1', traceparent, tracestate: 'a=1' } })
      expect(head).toMatchObject({ 'x-request-id': 'abc-1', tracestate: 'a=1' })
      expect(head.headers['traceparent']).toMatch(
        /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
      )
    })

    it.for([
      [{}, '15000'],
      [{ 'x-timeout-ms': '700' }, '700'],
      [{ 'x-timeout-ms': '99000' }, '15000'],
      [{ 'x-timeout-ms': 'soon' }, '15000'],
      [{ prefer: 'respond-async, wait=10' }, '25000'],
      [{ prefer: 'wait=10', 'x-timeout-ms': '20000' }, '20000'],
    ] as const)('%j leaves the upstream %s ms', async ([headers, left]) => {
      expect(await seen({ headers })).toMatchObject({ 'x-timeout-ms': left })
    })

    it('names the upstream as Host, or the client’s host where that is to be preserved', async () => {
      const own = await seen({ headers: { host: 'shop.example' } })
      expect(own.host).toBe(own.authority)
      const kept = await seen({ headers: { host: 'shop.example' } }, { host: 'preserve' })
      expect(kept.host).toBe('shop.example')
    })

    it('keeps Authorization to itself unless told to pass it on', async () => {
      const headers = { authorization: 'Bearer secret' }
      expect(await seen({ headers })).not.toHaveProperty('authorization')
      expect(await seen({ headers }, { identity: 'forward' })).toHaveProperty('authorization', 'Bearer secret')
    })

    it('keeps its length where the client gave one, and is chunked where it did not', async () => {
      const known = await seen({ method: 'POST', body: 'four', headers: { 'content-length': '4' } })
      expect(known['content-length']).toBe('4')
      expect(known).not.toHaveProperty('transfer-encoding')
      const unknown = await seen({ method: 'POST', body: 'four', headers: { 'transfer-encoding': 'chunked' } })
      expect(unknown['transfer-encoding']).toBe('chunked')
      expect(unknown).not.toHaveProperty('content-length')
      expect(await seen({ method: 'POST', headers: { 'content-length': '0' } })).toHaveProperty('content-length', '0')
    })

    it('in absolute form is rewritten, its authority replacing Host', async () => {
      const head = await seen(
        { path: 'http://shop.example/a?b=1', headers: { host: 'other.example' } },
        { host: 'preserve' },
      )
      expect(head).toMatchObject({ url: '/a?b=1', host: 'shop.example', 'x-forwarded-host': 'shop.example' })
    })

    it('waits for 100 Continue here and not at the upstream', async () => {
      const { origin } = await upstream(async (request, response) => {
        const body = await bodyOf(request)
        response.end(`${request.headers.expect ?? 'none'} ${body}`)
      })
      const client = new RawClient(await mount(origin))
      client.send(
        'POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n',
      )
      await client.until('100 Continue')
      client.send('hi')
      expect(await client.all()).toContain('none hi')
    })
  })

  describe('a request that can be read in two ways', () => {
    it.for([
      ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n'],
      ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
      ['a fragment', 'GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n'],
      ['a transfer coding in HTTP/1.0', 'POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
      [
        'a length beside a transfer coding',
        'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['two lengths', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello'],
      ['a coding after chunked', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n'],
      [
        'a coding that cannot be passed on',
        'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      ],
      ['white space before a colon', 'GET / HTTP/1.1\r\nhost : a\r\n\r\n'],
      ['a folded field', 'GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\tb\r\n\r\n'],
    ])('is refused for %s: 400, and the connection is closed', async ([, text]) => {
      let asked = false
      const { origin } = await upstream((_request, response) => {
        asked = true
        response.end()
      })
      const answer = await within(3000, new RawClient(await mount(origin)).send(text ?? '').all())
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(answer.toLowerCase()).toContain('connection: close')
      expect(asked).toBe(false)
    })

    it.for(['TRACE / HTTP/1.1', 'CONNECT other.example:443 HTTP/1.1'])('%s is refused with a problem', async (line) => {
      const { origin } = await upstream((_request, response) => response.end())
      const answer = await new RawClient(await mount(origin)).send(`${line}\r\nhost: a\r\n\r\n`).all()
      expect(answer).toMatch(/^HTTP\/1\.1 405 /)
      expect(answer).toContain('"code":"method_not_forwarded"')
    })
  })

  describe('the answer', () => {
    it('loses hop-by-hop fields and keeps the others, repeated ones too', async () => {
      const { origin } = await rawUpstream((socket) => {
        socket.once('data', () =>
          socket.end(
            'HTTP/1.1 200 OK\r\nconnection: close, x-private\r\nx-private: 1\r\nkeep-alive: timeout=9\r\nproxy-authenticate: basic\r\n' +
              'x-load: inflight=7\r\nupgrade: h2c\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nvia: 1.0 deep\r\nx-public: \xe9\r\ncontent-length: 2\r\n\r\nok',
          ),
        )
      })
      const { headers, body } = await ask(await mount(origin))
      for (const name of ['x-private', 'proxy-authenticate', 'upgrade']) expect(headers).not.toHaveProperty(name)
      expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], via: '1.0 deep, 1.1 edge', 'content-length': '2' })
      expect(headers['keep-alive']).not.toBe('timeout=9')
      expect(headers['x-load']).not.toBe('inflight=7')
      expect(body.toString()).toBe('ok')
    })

    it('says who served it, how long each hop took, and under which id', async () => {
      const { origin } = await upstream((_request, response) =>
        response.writeHead(200, { 'x-served-by': 'db', 'server-timing': 'db;dur=1.5', 'x-request-id': 'theirs' }).end(),
      )
      const { headers } = await ask(await mount(origin), { headers: { 'x-request-id': 'ours' } })
      expect(headers).toMatchObject({ 'x-served-by': 'edge, db', 'x-request-id': 'ours' })
      expect(headers['server-timing']).toMatch(/^db;dur=1\.5, edge;dur=\d+\.\d$/)
    })

    it.for([204, 304])('%i has no body', async (status) => {
      const { origin } = await upstream((_request, response) => response.writeHead(status, { etag: '"1"' }).end())
      const client = new RawClient(await mount(origin)).send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
      const answer = await client.all()
      expect(answer).toMatch(/\r\n\r\n$/)
      expect(answer).not.toMatch(/transfer-encoding|content-length/i)
    })

    it('to HEAD has the length of the body that it does not have', async () => {
      const { origin } = await upstream((_request, response) => response.writeHead(200, { 'content-length': 10 }).end())
      const reply = await ask(await mount(origin), { method: 'HEAD' })
      expect(reply.headers['content-length']).toBe('10')
    })

    it('brings its trailers', async () => {
      const { origin } = await upstream((_request, response) => {
        response.writeHead(200, { trailer: 'x-sum' })
        response.write('body')
        response.addTrailers({ 'x-sum': '42' })
        response.end()
      })
      const port = await mount(origin)
      const reply = await ask(port)
      expect([reply.body.toString(), reply.trailers['x-sum']]).toEqual(['body', '42'])
      const old = await new RawClient(port).send('GET / HTTP/1.0\r\n\r\n').all()
      expect(old).toMatch(/\r\n\r\nbody$/)
    })

    it('is preceded by 102 and 103', async () => {
      const { origin } = await upstream((_request, response) => {
        response.writeProcessing()
        response.writeEarlyHints({ link: '</style.css>; rel=preload' })
        response.end('ok')
      })
      const port = await mount(origin)
      const reply = await ask(port)
      expect(reply.informed.map(({ statusCode }) => statusCode)).toEqual([102, 103])
      expect(reply.informed[1]?.headers['link']).toBe('</style.css>; rel=preload')
      expect(await new RawClient(port).send('GET / HTTP/1.0\r\n\r\n').all()).toMatch(/^HTTP\/1\.1 200 /)
    })

    it('passes each event of a stream when it comes, the head before the first', async () => {
      let stream: http.ServerResponse | undefined
      const { origin } = await upstream((_request, response) => {
        stream = response
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      })
      const client = new RawClient(await mount(origin)).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      await within(2000, client.until('text/event-stream'))
      stream?.write('data: 1\n\n')
      await within(2000, client.until('data: 1'))
      stream?.end('data: 2\n\n')
      await within(2000, client.until('0\r\n\r\n'))
    })

    it('asks the client to leave while the service drains', async () => {
      const { origin } = await upstream((_request, response) => response.end('ok'))
      const { headers } = await ask(await mount(origin, { draining: true }), { headers: { connection: 'keep-alive' } })
      expect(headers.connection).toBe('close')
    })

    it('that came before the upload had ended reaches the client', async () => {
      const { origin } = await upstream((_request, response) =>
        response.writeHead(413, { connection: 'close' }).end('enough'),
      )
      const client = new RawClient(await mount(origin))
      client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n').send('x'.repeat(100_000))
      expect(await within(3000, client.until('enough'))).toMatch(/^HTTP\/1\.1 413 /)
    })
  })

  describe('bodies', () => {
    it('of 24 MB pass both ways unchanged', async () => {
      const { origin } = await upstream((request, response) => request.pipe(response))
      const body = randomBytes(24_000_000)
      const reply = await ask(await mount(origin), { method: 'POST', body })
      expect(createHash('sha256').update(reply.body).digest('hex')).toBe(
        createHash('sha256').update(body).digest('hex'),
      )
    })

    it('of any bytes pass unchanged, in one packet with their head or behind it, on one connection', async () => {
      const { origin } = await upstream(async (request, response) => {
        const body = await bodyOf(request)
        response.writeHead(200, { 'content-length': body.byteLength }).end(body)
      })
      const client = new RawClient(await mount(origin))
      const every = String.fromCharCode(...Array(256).keys())
      for (const body of [every, every.repeat(40), `${every}.`.repeat(80)]) {
        const head = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`
        for (const packets of [[head + body], [head, body], [head + body.slice(0, 99), body.slice(99)]]) {
          client.received = ''
          for (const packet of packets) await new Promise((sent) => client.socket.write(packet, 'latin1', sent))
          await client.until(`\r\n\r\n${body}`)
        }
      }
    })

    it('wait for a client that does not read', async () => {
      let written = 0
      const { origin } = await upstream((_request, response) => {
        const more = () => {
          while (written < 200_000_000 && !response.destroyed) {
            written += 65_536
            if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more)
          }
        }
        more()
      })
      const client = new RawClient(await mount(origin))
      client.socket.pause()
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      await expectSteady(() => written)
      expect(written).toBeLessThan(40_000_000)
    })

    it('wait for an upstream that does not read', async () => {
      const { origin } = await rawUpstream((socket) => socket.pause())
      const client = new RawClient(await mount(origin))
      client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000000\r\n\r\n')
      const chunk = Buffer.alloc(1_000_000)
      for (let i = 0; i < 60; i++) client.socket.write(chunk)
      await expectSteady(() => client.socket.bytesWritten - client.socket.writableLength)
      expect(client.socket.writableLength).toBeGreaterThan(20_000_000)
    })
  })

  describe('a hop that fails', () => {
    const problem = async (port: number, options: http.RequestOptions & { body?: string } = {}) => {
      const { status, headers, body } = await within(5000, ask(port, options))
      expect(headers['content-type']).toContain('application/problem+json')
      return { status, code: JSON.parse(body.toString()).code, proxyStatus: headers['proxy-status'] }
    }

    it('by refusing connections is a 502', async () => {
      const port = await mount(nobody())
      const expected = { status: 502, code: 'upstream_unreachable', proxyStatus: 'edge; error=connection_refused' }
      expect(await problem(port)).toEqual(expected)
      expect(await problem(port, { method: 'POST', body: 'x'.repeat(1000) })).toEqual(expected)
    })

    it('by breaking the connection is a 502', async () => {
      const { origin } = await rawUpstream((socket) => socket.once('data', () => socket.destroy()))
      const port = await mount(origin)
      const expected = { status: 502, code: 'upstream_failed', proxyStatus: 'edge; error=connection_terminated' }
      expect(await problem(port)).toEqual(expected)
      expect(await problem(port, { method: 'POST', body: 'hello' })).toEqual(expected)
    })

    it.for([
      'SMTP ready\r\n\r\n',
      'HTTP/1.1 2x0 OK\r\n\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ])('by talking nonsense (%j) is a 502', async (nonsense) => {
      const { origin } = await rawUpstream((socket) => socket.once('data', () => socket.end(nonsense)))
      expect(await problem(await mount(origin))).toMatchObject({ status: 502, code: 'upstream_failed' })
    })

    it('by taking too long is a 504, and its request is cancelled', async () => {
      const dropped = Promise.withResolvers<void>()
      const { origin } = await rawUpstream((socket) => void socket.resume().once('close', dropped.resolve))
      const port = await mount(origin)
      expect(await problem(port, { headers: { 'x-timeout-ms': '150' } })).toEqual({
        status: 504,
        code: 'upstream_timeout',
        proxyStatus: 'edge; error=http_response_timeout',
      })
      await within(1000, dropped.promise)
      expect(await problem(port, { headers: { 'x-timeout-ms': '0' } })).toMatchObject({ status: 504 })
    })

    it('gives the time from the request’s end, however long the upload takes', async () => {
      const begun = Promise.withResolvers<void>()
      const { origin } = await upstream(async (request, response) => {
        request.once('data', () => begun.resolve())
        response.end(await bodyOf(request))
      })
      const port = await mount(origin)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      onTestFinished(() => void vi.useRealTimers())
      const client = new RawClient(port)
      client.send('POST / HTTP/1.1\r\nhost: a\r\nx-timeout-ms: 200\r\ncontent-length: 4\r\nconnection: close\r\n\r\nab')
      await begun.promise
      await vi.advanceTimersByTimeAsync(5_000)
      client.send('cd')
      expect(await client.all()).toMatch(/^HTTP\/1\.1 200 [\s\S]*abcd$/)
    })

    it('in mid-body breaks the client’s connection', async () => {
      for (const framing of ['content-length: 10', 'transfer-encoding: chunked']) {
        const part = framing.startsWith('content') ? 'half' : '4\r\nhalf\r\n'
        const sockets: Duplex[] = []
        const { origin } = await rawUpstream((socket) => {
          sockets.push(socket)
          socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${part}`))
        })
        const port = await mount(origin)
        for (const version of ['1.1', '1.0']) {
          const client = new RawClient(port).send(`GET / HTTP/${version}\r\nhost: a\r\n\r\n`)
          await within(2000, client.until('half'))
          sockets.pop()?.destroy()
          await within(2000, client.closed)
          expect(client.received).not.toContain('0\r\n\r\n')
          expect(client.error?.code).toBe('ECONNRESET')
        }
      }
    })

    it('says of a 5xx that it came from behind, so that the hop before does not blame this one', async () => {
      const { origin } = await upstream((_request, response) => response.writeHead(500).end())
      expect((await ask(await mount(origin))).headers['proxy-status']).toBe('edge; received-status=500')
    })

    it('tells a 5xx of its own from the upstream’s, whose Proxy-Status it keeps', async () => {
      const { origin } = await upstream((_request, response) =>
        response.writeHead(503, { 'proxy-status': 'deep; error=dns_error', 'retry-after': '7' }).end('theirs'),
      )
      const { status, headers, body } = await ask(await mount(origin))
      expect([status, headers['retry-after'], headers['proxy-status'], body.toString()]).toEqual([
        503,
        '7',
        'deep; error=dns_error',
        'theirs',
      ])
    })
  })

  describe('a client that goes away', () => {
    it.for([
      ['before the head of the answer', ''],
      ['in mid-body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ])('%s cancels the upstream request within 100 ms', async ([, answer]) => {
      const arrived = Promise.withResolvers<void>()
      const dropped = Promise.withResolvers<number>()
      const { origin } = await rawUpstream((socket) => {
        socket.once('data', () => {
          if (answer) socket.write(answer)
          arrived.resolve()
        })
        socket.once('close', () => dropped.resolve(performance.now()))
      })
      const port = await mount(origin)
      const client = new RawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      await arrived.promise
      if (answer) await client.until('half')
      const left = performance.now()
      client.socket.destroy()
      expect((await within(2000, dropped.promise)) - left).toBeLessThan(100)
    })

    it('in mid-upload cancels the upstream request', async () => {
      const arrived = Promise.withResolvers<void>()
      const dropped = Promise.withResolvers<void>()
      const { origin } = await upstream((request) => {
        request.once('data', () => arrived.resolve())
        request.once('close', dropped.resolve)
        request.on('error', () => {})
      })
      const client = new RawClient(await mount(origin))
      client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf')
      await within(2000, arrived.promise)
      client.socket.destroy()
      await within(2000, dropped.promise)
    })
  })

  describe('WebSocket', () => {
    const handshake =
      'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n'
    const accepting = async () => {
      const { origin, server } = await upstream((_request, response) => response.writeHead(426).end('upgrade, please'))
      const upgraded = Promise.withResolvers<{ request: http.IncomingMessage; socket: Duplex }>()
      server.on('upgrade', (request, socket) => {
        socket.on('error', () => {})
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: v\r\n\r\nhello',
        )
        upgraded.resolve({ request, socket })
      })
      return { origin, upgraded: upgraded.promise }
    }

    it('passes bytes both ways, and the end of either side', async () => {
      const { origin, upgraded } = await accepting()
      const port = await mount(origin)
      const client = new RawClient(port).send(handshake)
      const answer = await within(2000, client.until('hello'))
      expect(answer).toMatch(/^HTTP\/1\.1 101 /)
      expect(answer).toContain('sec-websocket-accept: v')
      expect(answer.match(/^connection:.*$/gim)).toEqual(['connection: upgrade'])
      const { request, socket } = await upgraded
      expect(request.headers).toMatchObject({ upgrade: 'websocket', 'sec-websocket-key': 'k', via: '1.1 edge' })
      client.send('ping')
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      expect(chunk.toString()).toBe('ping')
      client.socket.end()
      socket.write('last words')
      socket.end()
      await within(2000, client.closed)
      expect(client.received).toMatch(/last words$/)
    })

    it('that the upstream loses is lost for the client, and the other way round', async () => {
      const first = await accepting()
      const client = new RawClient(await mount(first.origin)).send(handshake)
      await client.until('hello')
      ;(await first.upgraded).socket.destroy()
      await within(2000, client.closed)

      const second = await accepting()
      const other = new RawClient(await mount(second.origin)).send(handshake)
      await other.until('hello')
      const { socket } = await second.upgraded
      other.socket.resetAndDestroy()
      await within(2000, once(socket.resume(), 'end'))
    })

    it('is answered as HTTP where the upstream does not take it, or is not there', async () => {
      const { origin } = await upstream((_request, response) => response.writeHead(403).end('no'))
      expect(await within(2000, new RawClient(await mount(origin)).send(handshake).all())).toMatch(
        /^HTTP\/1\.1 403 [\s\S]*no/,
      )
      const answer = await within(2000, new RawClient(await mount(nobody())).send(handshake).all())
      expect(answer).toMatch(/^HTTP\/1\.1 502 [\s\S]*"code":"upstream_unreachable"/)
    })

    it('is the only upgrade offered: other offers are ignored', async () => {
      const { origin } = await upstream((_request, response) => response.end('plain'))
      const client = new RawClient(await mount(origin))
      client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n')
      expect(await within(2000, client.until('plain'))).toMatch(/^HTTP\/1\.1 200 /)
    })
  })
}

/** Resolves when `measure` has not moved for ten looks in a row. */
async function expectSteady(measure: () => number): Promise<void> {
  let last = -1
  let still = 0
  for (let look = 0; look < 400 && still < 10; look++) {
    still = measure() === last && last > 0 ? still + 1 : 0
    last = measure()
    await sleepAtMost(20)
  }
  expect(still).toBe(10)
}
