import { once } from 'node:events'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createExchange } from '../src/index.ts'
import { ask, named, nobody, over, until, upstream } from './servers.ts'

describe('a request', () => {
  it('goes to each endpoint in turn, with method, path, headers and body unchanged', async () => {
    const echo = async (name: string) =>
      upstream(async (request, response) => {
        const chunks = await Array.fromAsync(request)
        response.end(`${name} ${request.method} ${request.url} ${request.headers['x-a']} ${Buffer.concat(chunks)}`)
      })
    const { upstreams } = await over([(await echo('a')).origin, (await echo('b')).origin])
    const post = { method: 'POST', path: '/p?q=1', headers: { 'x-a': 'b' }, body: 'body' }
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(upstreams, post)))
    const bodies = answers.map(({ body }) => body).sort()
    expect(bodies).toEqual(['a', 'a', 'b', 'b'].map((name) => `${name} POST /p?q=1 b body`))
  })

  it('says which endpoint took it and how long the headers took, and is counted', async () => {
    const { origin } = await named('a')
    const { upstreams } = await over([origin])
    const { exchange } = await ask(upstreams)
    expect(exchange.endpoint).toBe(origin)
    expect(exchange.timings).toEqual([{ name: 'upstream', ms: expect.any(Number) }])
    expect(exchange).not.toHaveProperty('error')
    expect(upstreams.endpoints()).toMatchObject([{ origin, condition: 'up', inFlight: 0, requests: 1, failures: 0 }])
  })

  it('avoids the endpoints that had it already, where another is left', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams } = await over([a.origin, b.origin])
    for (let count = 0; count < 4; count++) {
      expect((await ask(upstreams, {}, createExchange({ tried: [a.origin] }))).body).toBe('b')
    }
    expect((await ask(upstreams, {}, createExchange({ tried: [a.origin, b.origin] }))).status).toBe(200)
  })

  it('gets informational answers and trailers passed on', async () => {
    const { origin } = await upstream((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const { upstreams } = await over([origin])
    const statuses: number[] = []
    const trailers = await new Promise((resolve, reject) => {
      upstreams.dispatch(
        { origin: 'http://test', path: '/', method: 'GET' },
        {
          onRequestStart() {},
          onResponseStart: (_live, status) => void statuses.push(status),
          onResponseData() {},
          onResponseEnd: (_live, fields) => resolve(fields),
          onResponseError: (_live, error) => reject(error),
        },
      )
    })
    expect(statuses).toEqual([103, 200])
    expect(trailers).toEqual({ 'x-sum': '42' })
  })

  it('holds its answer back while whoever asked has paused it', async () => {
    let written = 0
    const { origin } = await upstream((_request, response) => {
      const source = new Readable({
        read() {
          written += 65_536
          this.push(written > 50_000_000 ? null : Buffer.alloc(65_536))
        },
      })
      source.pipe(response)
    })
    const { upstreams } = await over([origin])
    let got = 0
    const ended = new Promise<void>((resolve, reject) => {
      upstreams.dispatch(
        { origin: 'http://test', path: '/', method: 'GET' },
        {
          onRequestStart() {},
          onResponseStart(live) {
            live.pause()
            setTimeout(() => live.resume(), 200)
            void until(() => written > 65_536).then(() => expect(got).toBe(0))
          },
          onResponseData(_live, chunk) {
            if (got === 0) expect(written).toBeLessThan(20_000_000)
            got += chunk.byteLength
          },
          onResponseEnd: () => resolve(),
          onResponseError: (_live, error) => reject(error),
        },
      )
    })
    await ended
    expect(got).toBeGreaterThan(49_900_000)
  })
})

describe('a failure', () => {
  it.each([
    ['refused', 'connection_refused', 502],
    ['reset', 'connection_terminated', 502],
    ['garbage', 'http_protocol_error', 502],
    ['half', 'http_response_incomplete', 502],
  ])('%s is told as %s', async (how, type, statusCode) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        if (how === 'reset') socket.resetAndDestroy()
        if (how === 'garbage') socket.end('220 mail.example ESMTP\r\n')
        if (how === 'half') socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const origin =
      how === 'refused' ? await nobody() : `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const { upstreams } = await over([origin], { check: false })
    const asked = ask(upstreams)
    await expect(asked).rejects.toMatchObject({ type, statusCode, sent: how !== 'refused' })
    expect(asked.exchange.error).toBe(type)
    expect(upstreams.endpoints()).toMatchObject([{ requests: 1, failures: 1, inFlight: 0 }])
  })

  it('of a body that its sender broke off is not the endpoint’s', async () => {
    const { origin, seen } = await upstream(() => {})
    const { upstreams } = await over([origin])
    const body = new Readable({ read() {} })
    body.push('begun')
    const asked = ask(upstreams, { method: 'POST', body })
    await until(() => seen.length === 1)
    const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
    body.destroy(broken)
    await expect(asked).rejects.toBe(broken)
    expect(upstreams.endpoints()).toMatchObject([{ failures: 0, inFlight: 0 }])
  })

  it('is counted for a 5xx, unless a hop behind made it or it asks to come back later', async () => {
    const { origin } = await upstream((request, response) => {
      const [, status, header] = (request.url ?? '').split('/')
      response.writeHead(Number(status), header ? { [header]: '1' } : {}).end()
    })
    const { upstreams } = await over([origin])
    for (const path of ['/500', '/502/proxy-status', '/503/retry-after', '/503', '/404']) await ask(upstreams, { path })
    expect(upstreams.endpoints()).toMatchObject([{ requests: 5, failures: 2 }])
  })

  it('leads to an ejection, which is counted by its reason', async () => {
    const failing = async () => (await upstream((_request, response) => response.writeHead(500).end())).origin
    const { upstreams } = await over([await failing(), await failing()])
    for (let count = 0; count < 12; count++) await ask(upstreams)
    expect(
      upstreams
        .endpoints()
        .map(({ condition }) => condition)
        .sort(),
    ).toEqual(['ejected', 'up'])
    expect(upstreams.stats().ejections).toEqual({ '5 failures in a row': 1 })
  })
})

describe('whoever leaves', () => {
  it('before the answer cancels the request upstream within 100 ms', async () => {
    const { origin, server, seen } = await upstream(() => {})
    const { upstreams } = await over([origin])
    const gone = new Promise<number>((resolve) => {
      server.on('request', (request) => request.url === '/' && request.once('close', () => resolve(performance.now())))
    })
    const asked = ask(upstreams)
    await until(() => seen.length === 1)
    const reason = new Error('left')
    const left = performance.now()
    ;(await asked.controller).abort(reason)
    await expect(asked).rejects.toBe(reason)
    expect((await gone) - left).toBeLessThan(100)
    expect(upstreams.endpoints()).toMatchObject([{ failures: 0, inFlight: 0 }])
  })

  it('before there is a connection takes the request back unsent', async () => {
    const { origin, seen } = await named('a')
    const { upstreams } = await over([origin])
    await Promise.all(
      [ask(upstreams), ask(upstreams)].map(
        async (asked) => (await asked.controller).abort(new Error()) ?? expect(asked).rejects.toThrow(),
      ),
    )
    expect((await ask(upstreams, { path: '/next' })).body).toBe('a')
    expect(seen).toEqual(['GET /next'])
  })
})

describe('limits', () => {
  it('end a request at its deadline, without blaming the endpoint', async () => {
    const { origin } = await upstream(() => {})
    const { upstreams } = await over([origin])
    const began = performance.now()
    const asked = ask(upstreams, {}, createExchange({ deadlineAt: began + 150 }))
    await expect(asked).rejects.toMatchObject({ type: 'http_response_timeout', statusCode: 504 })
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(asked.exchange.error).toBe('http_response_timeout')
    expect(upstreams.endpoints()).toMatchObject([{ failures: 0, inFlight: 0 }])
  })

  it('leave an answer that began before the deadline alone', async () => {
    const { origin } = await upstream((_request, response) => {
      response.write('begun ')
      setTimeout(() => response.end('ended'), 150)
    })
    const { upstreams } = await over([origin])
    expect((await ask(upstreams, {}, createExchange({ deadlineAt: performance.now() + 100 }))).body).toBe('begun ended')
  })

  it('send nothing after the deadline', async () => {
    const { origin, seen } = await named('a')
    const { upstreams } = await over([origin])
    const late = createExchange({ deadlineAt: performance.now() - 1 })
    await expect(ask(upstreams, {}, late)).rejects.toMatchObject({ statusCode: 504, sent: false })
    expect(seen).toEqual([])
  })

  /** Upstreams whose sweeps are driven by hand; everything else takes real time. */
  async function withSweeps(origin: string) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    return (await over([origin])).upstreams
  }

  it('allow 15 s from the request’s end to the answer, and what Prefer: wait adds', async () => {
    const { origin, seen } = await upstream(() => {})
    const upstreams = await withSweeps(origin)
    const plain = expect(ask(upstreams)).rejects.toMatchObject({ type: 'http_response_timeout', statusCode: 504 })
    let patientOver = false
    const patient = ask(upstreams, { headers: ['Prefer', 'respond-async, wait=10'] }).catch((error: unknown) => {
      patientOver = true
      throw error
    })
    const patientFails = expect(patient).rejects.toMatchObject({ type: 'http_response_timeout' })
    await until(() => seen.length === 2)
    vi.advanceTimersByTime(16_000)
    await plain
    expect(patientOver).toBe(false)
    vi.advanceTimersByTime(10_000)
    await patientFails
    expect(upstreams.endpoints()).toMatchObject([{ failures: 2 }])
  })

  it.each([
    ['60 s between two bytes', 'text/plain', 59_000, 61_000],
    ['5 min for server-sent events', 'text/event-stream', 299_000, 301_000],
  ])('allow %s', async (_name, type, before, after) => {
    const { origin } = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': type })
      response.write('begun')
    })
    const upstreams = await withSweeps(origin)
    let over = false
    const asked = ask(upstreams).finally(() => {
      over = true
    })
    const fails = expect(asked).rejects.toMatchObject({ type: 'connection_read_timeout', statusCode: 504 })
    await until(() => upstreams.endpoints()[0]?.requests === 1)
    vi.advanceTimersByTime(before)
    expect(over).toBe(false)
    vi.advanceTimersByTime(after - before)
    await fails
  })

  it('allow an upload to take long while it flows, and tell who made it stop', async () => {
    const { origin, seen } = await upstream((request) => request.url === '/reads' && request.resume())
    const upstreams = await withSweeps(origin)
    const starved = new Readable({ read() {} })
    const byClient = expect(ask(upstreams, { method: 'PUT', path: '/reads', body: starved })).rejects
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
    })
    const byUpstream = expect(ask(upstreams, { method: 'PUT', path: '/ignores', body: endless })).rejects
    const [blames, accuses] = [
      byClient.toMatchObject({ statusCode: 400 }),
      byUpstream.toMatchObject({ type: 'connection_write_timeout' }),
    ]
    starved.push('a')
    await until(() => seen.length === 2 && endless.isPaused())
    vi.advanceTimersByTime(50_000)
    starved.push('b')
    await until(() => starved.readableLength === 0)
    vi.advanceTimersByTime(11_000)
    await accuses
    expect(upstreams.endpoints()).toMatchObject([{ inFlight: 1, failures: 1 }])
    vi.advanceTimersByTime(61_000)
    await blames
    expect(upstreams.endpoints()).toMatchObject([{ inFlight: 0, failures: 1 }])
  })

  it('allow 1,024 requests at once and refuse the next', { timeout: 30_000 }, async () => {
    const open: { end: (body: string) => void }[] = []
    const { origin } = await upstream((_request, response) => open.push(response))
    const { upstreams } = await over([origin])
    const asked = Array.from({ length: 1_024 }, () => ask(upstreams))
    await expect(ask(upstreams)).rejects.toMatchObject({
      code: 'upstream_overloaded',
      statusCode: 503,
      headers: { 'retry-after': '2' },
    })
    await until(() => open.length === 1_024)
    for (const response of open) response.end('late')
    await Promise.all(asked)
    expect(await Promise.race([ask(upstreams), until(() => open.length === 1_025).then(() => undefined)])).toBe(
      undefined,
    )
  })
})

describe('an upgrade', () => {
  it('passes, both ways, and is in flight until its socket closes', async () => {
    const { origin, server } = await named('a')
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    const { upstreams } = await over([origin])
    const { socket, status } = await new Promise<{ socket: import('node:stream').Duplex; status: number }>(
      (resolve, reject) => {
        upstreams
          .compose((dispatch) => (options, handler) => dispatch(options, handler))
          .dispatch(
            { origin: 'http://test', path: '/', method: 'GET', upgrade: 'websocket' },
            {
              onRequestStart() {},
              onRequestUpgrade: (_live, status, _headers, socket) => resolve({ socket, status }),
              onResponseError: (_live, error) => reject(error),
            },
          )
      },
    )
    expect(status).toBe(101)
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect(upstreams.endpoints()).toMatchObject([{ inFlight: 1 }])
    socket.destroy()
    await until(() => upstreams.endpoints()[0]?.inFlight === 0)
  })
})

describe('closing', () => {
  it('lets requests end, takes no more, and may be done twice, through a composed dispatcher too', async () => {
    const release = Promise.withResolvers<void>()
    const { origin, seen } = await upstream(async (_request, response) => {
      await release.promise
      response.end('late')
    })
    const { upstreams } = await over([origin])
    const asked = ask(upstreams)
    await until(() => seen.length === 1)
    const closed = upstreams.compose((dispatch) => (options, handler) => dispatch(options, handler)).close()
    await expect(ask(upstreams)).rejects.toMatchObject({ code: 'no_usable_upstream' })
    release.resolve()
    expect((await asked).body).toBe('late')
    await closed
    await upstreams.close()
    await upstreams.destroy()
  })

  it('by force fails what is under way', async () => {
    const { origin, seen } = await upstream(() => {})
    const { upstreams } = await over([origin])
    const fails = expect(ask(upstreams)).rejects.toThrow()
    await until(() => seen.length === 1)
    await upstreams.destroy()
    await fails
  })
})

it('refuses endpoints that are none, malformed, or named twice', async () => {
  await expect(over([])).rejects.toThrow('test has no endpoints')
  await expect(over(['nonsense'])).rejects.toThrow('Invalid URL')
  await expect(over(['http://a:1', 'http://a:1/'])).rejects.toThrow('the same endpoint twice')
})
