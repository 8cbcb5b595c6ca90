import { Readable } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { createExchange, retry } from '../src/index.ts'
import { ask, named, nobody, over, until, upstream } from './servers.ts'

/** An upstream that breaks the connection off once a request's body has come. */
const resetting = () =>
  upstream(async (request) => {
    await Array.fromAsync(request)
    request.socket.resetAndDestroy()
  })

/** An upstream that is overloaded. */
const shedding = (headers: Record<string, string> = {}) =>
  upstream((_request, response) => response.writeHead(503, { 'retry-after': '1', ...headers }).end('shed'))

/** A composed dispatcher over these, of which the first is asked first. */
async function retrying(origins: readonly string[], random = () => 0) {
  const { upstreams, transitions } = await over(origins, { check: false })
  return { upstreams, transitions, dispatcher: upstreams.compose(retry({ random, budget: upstreams.budget })) }
}

describe('a request that was never sent', () => {
  it.each(['GET', 'POST'])('goes to another endpoint: %s', async (method) => {
    const other = await upstream((request, response) => request.pipe(response))
    const { dispatcher } = await retrying([await nobody(), other.origin])
    const body = method === 'POST' ? Readable.from([Buffer.from('once')]) : null
    const answer = await ask(dispatcher, { method, body })
    expect(answer).toMatchObject({ status: 200, body: method === 'POST' ? 'once' : '' })
    expect(answer.exchange.tried).toHaveLength(1)
    expect(answer.exchange).not.toHaveProperty('error')
  })

  it('is not tried a third time', async () => {
    const { dispatcher } = await retrying([await nobody(), await nobody(), (await named('spare')).origin])
    const asked = ask(dispatcher)
    await expect(asked).rejects.toMatchObject({ type: 'connection_refused', statusCode: 502 })
    expect(asked.exchange.tried).toHaveLength(1)
  })

  it('fails as at first where there is nowhere else to go', async () => {
    const gone = await named('gone')
    const { upstreams } = await over([gone.origin])
    gone.kill()
    const asked = ask(upstreams.compose(retry()))
    await expect(asked).rejects.toMatchObject({ type: 'connection_refused', statusCode: 502 })
    expect(asked.exchange.error).toBe('connection_refused')
    await expect(ask(upstreams.compose(retry()))).rejects.toMatchObject({ code: 'no_usable_upstream', statusCode: 503 })
  })
})

describe('a request lost before any byte of an answer', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('is sent again if it is idempotent: %s', async (method) => {
    const other = await named('other')
    const { dispatcher } = await retrying([(await resetting()).origin, other.origin])
    expect((await ask(dispatcher, { method })).status).toBe(200)
    expect(other.seen).toEqual([`${method} /`])
  })

  it('still counts as sent when the second attempt was not', async () => {
    const { dispatcher } = await retrying([(await resetting()).origin, await nobody(), (await named('spare')).origin])
    await expect(ask(dispatcher, { method: 'PUT', body: 'x' })).rejects.toMatchObject({
      type: 'connection_refused',
      sent: true,
    })
  })

  it.each(['POST', 'PATCH'])('is never sent again if it is not: %s', async (method) => {
    const [first, other] = [await resetting(), await named('other')]
    const { dispatcher } = await retrying([first.origin, other.origin])
    await expect(ask(dispatcher, { method, body: 'once' })).rejects.toMatchObject({ type: 'connection_terminated' })
    expect([first.seen.length, other.seen.length]).toEqual([1, 0])
  })

  it('is sent again whole while its body has come to no more than 64 kB', async () => {
    const other = await upstream((request, response) => request.pipe(response))
    const { dispatcher } = await retrying([(await resetting()).origin, other.origin])
    const body = Readable.from(Array.from({ length: 8 }, (_, at) => Buffer.alloc(8_192, String(at))))
    const answer = await ask(dispatcher, { method: 'PUT', body })
    expect(answer.body).toHaveLength(65_536)
    expect(answer.body.slice(-1)).toBe('7')
  })

  it('is sent again whole while its body is still coming', async () => {
    const first = await upstream((request) => request.once('data', () => request.socket.resetAndDestroy()))
    const other = await upstream((request, response) => request.pipe(response))
    const { dispatcher } = await retrying([first.origin, other.origin])
    const body = new Readable({ read() {} })
    const asked = ask(dispatcher, { method: 'PUT', body })
    body.push('begun ')
    await until(() => other.seen.length === 1)
    body.push('ended')
    body.push(null)
    expect((await asked).body).toBe('begun ended')
  })

  it('is not sent again with a body of more than 64 kB', async () => {
    const other = await named('other')
    const { dispatcher } = await retrying([(await resetting()).origin, other.origin])
    const body = Readable.from([Buffer.alloc(65_536), Buffer.alloc(1)])
    await expect(ask(dispatcher, { method: 'PUT', body })).rejects.toMatchObject({ type: 'connection_terminated' })
    expect(other.seen).toEqual([])
  })

  it('is not sent again once a byte of the answer has come', async () => {
    const first = await upstream((_request, response) => response.writeProcessing())
    first.server.on('connection', (socket) => setTimeout(() => socket.resetAndDestroy(), 100))
    const half = await upstream((request) => request.socket.end('HTTP/1.1 20'))
    for (const { origin } of [first, half]) {
      const other = await named('other')
      const { dispatcher } = await retrying([origin, other.origin])
      await expect(ask(dispatcher)).rejects.toMatchObject({ statusCode: 502 })
      expect(other.seen).toEqual([])
    }
  })
})

describe('a 503 with Retry-After', () => {
  it('is asked of another endpoint if the request is idempotent', async () => {
    const first = await shedding()
    const { dispatcher, upstreams } = await retrying([first.origin, (await named('other')).origin])
    expect(await ask(dispatcher)).toMatchObject({ status: 200, body: 'other' })
    expect(upstreams.endpoints()).toMatchObject([{ requests: 1, failures: 0, inFlight: 0 }, { inFlight: 0 }])
    const posts = [await ask(dispatcher, { method: 'POST' }), await ask(dispatcher, { method: 'POST' })]
    expect(posts.map(({ status }) => status).sort()).toEqual([200, 503])
  })

  it('is passed on when a hop behind made it', async () => {
    const { dispatcher } = await retrying([
      (await shedding({ 'proxy-status': 'gateway-1; error=destination_unavailable' })).origin,
      (await named('other')).origin,
    ])
    expect(await ask(dispatcher)).toMatchObject({ status: 503, body: 'shed' })
  })

  it('is passed on when the deadline would be over', async () => {
    const { dispatcher } = await retrying([(await shedding()).origin, (await named('other')).origin], () => 1)
    const exchange = createExchange({ deadlineAt: performance.now() + 49 })
    expect(await ask(dispatcher, {}, exchange)).toMatchObject({ status: 503 })
  })

  it('costs one of the retries that are left', async () => {
    const { dispatcher, upstreams } = await retrying([(await shedding()).origin, (await named('b')).origin])
    for (let count = 0; count < 10; count++) await ask(dispatcher)
    const retries = upstreams.endpoints()[0]?.requests ?? 0
    expect(retries).toBeGreaterThan(0)
    // Each request is worth a fifth of a retry.
    expect(upstreams.stats().retriesLeft).toBe(100 + 2 - retries)
  })

  it('is passed on when the budget is spent', async () => {
    const { upstreams } = await over([(await shedding()).origin, (await shedding()).origin], { check: false })
    const dispatcher = upstreams.compose(retry({ clock: () => 0, random: () => 0 }))
    const answers = await Promise.all(Array.from({ length: 500 }, () => ask(dispatcher)))
    expect(answers.every(({ status, body }) => status === 503 && body === 'shed')).toBe(true)
    // A fifth of 500 requests, and ten a second over ten seconds.
    expect(upstreams.endpoints().reduce((sum, { requests }) => sum + requests, 0)).toBe(700)
  })

  it('is cut when it is long, and the other answer comes whole', async () => {
    const long = await upstream((_request, response) => {
      response.writeHead(503, { 'retry-after': '1' })
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(65_536)
        })(),
      ).pipe(response)
    })
    const { dispatcher, upstreams } = await retrying([long.origin, (await named('other')).origin])
    expect((await ask(dispatcher)).body).toBe('other')
    await until(() => upstreams.endpoints().every(({ inFlight }) => inFlight === 0))
  })
})

describe('an endpoint that does not answer in time', () => {
  it('is replaced once, if the request is idempotent', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const silent = await upstream(() => {})
    const { dispatcher } = await retrying([silent.origin, (await named('other')).origin])
    const asked = ask(dispatcher)
    await until(() => silent.seen.length === 1)
    vi.advanceTimersByTime(16_000)
    vi.useRealTimers()
    expect((await asked).body).toBe('other')
  })
})

describe('whoever leaves', () => {
  it('between two attempts is let go at once, and nothing more is sent', async () => {
    const other = await named('other')
    const { upstreams } = await over([(await shedding()).origin, other.origin], { check: false })
    // Jitter of 50 s.
    const dispatcher = upstreams.compose(retry({ random: () => 1_000 }))
    const asked = ask(dispatcher)
    await until(() => asked.exchange.tried.length === 1)
    const reason = new Error('left')
    ;(await asked.controller).abort(reason)
    await expect(asked).rejects.toBe(reason)
    expect(other.seen).toEqual([])
  })

  it('during the second attempt cancels that', async () => {
    const second = await upstream(() => {})
    const { dispatcher, upstreams } = await retrying([(await resetting()).origin, second.origin])
    const asked = ask(dispatcher)
    await until(() => second.seen.length === 1)
    const reason = new Error('left')
    ;(await asked.controller).abort(reason)
    await expect(asked).rejects.toBe(reason)
    expect(upstreams.endpoints()).toMatchObject([{}, { inFlight: 0, failures: 0 }])
  })

  it('in the middle of an upload that waits for its second attempt takes it back', async () => {
    const other = await named('other')
    const { upstreams } = await over([(await shedding()).origin, other.origin], { check: false })
    const dispatcher = upstreams.compose(retry({ random: () => 1 }))
    const body = new Readable({ read() {} })
    body.push('begun')
    const asked = ask(dispatcher, { method: 'PUT', body })
    await until(() => asked.exchange.tried.length === 1)
    body.destroy(new Error('the client is gone'))
    await expect(asked).rejects.toThrow()
    expect(other.seen).toEqual([])
  })
})

it('passes pauses on to the second attempt', async () => {
  const big = await upstream((_request, response) => response.end(Buffer.alloc(5_000_000)))
  const { dispatcher } = await retrying([(await resetting()).origin, big.origin])
  const asked = ask(dispatcher)
  const live = await asked.controller
  live.pause()
  await until(() => asked.exchange.timings.length === 1)
  expect(live.paused).toBe(true)
  live.resume()
  expect((await asked).body).toHaveLength(5_000_000)
})
