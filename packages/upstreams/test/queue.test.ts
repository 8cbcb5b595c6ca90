import type { ServerResponse } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createExchange, retry, type UpstreamsOptions } from '../src/index.ts'
import { ask, named, over, until, upstream } from './servers.ts'

/** An upstream that answers when it is told to, in the order the requests came; `most` had it at once. */
async function holding() {
  const held: ServerResponse[] = []
  const load = { now: 0, most: 0 }
  const server = await upstream((_request, response) => {
    load.most = Math.max(load.most, ++load.now)
    response.once('close', () => load.now--)
    held.push(response)
  })
  const answer = async (count = 1) => {
    for (let answered = 0; answered < count; answered++) {
      await until(() => held.length > 0)
      held.shift()?.end('answered')
    }
  }
  return { ...server, held, load, answer }
}

describe('a cluster that has as much to do as it may', () => {
  const limited = async (limits: UpstreamsOptions['limits']) => {
    const server = await holding()
    const { upstreams, transitions } = await over([server.origin], { limits })
    return { server, upstreams, transitions }
  }

  it('lets requests wait for a connection, in their order, and tells how long they did', async () => {
    const { server, upstreams } = await limited({ connections: 2 })
    const asked = ['/1', '/2', '/3', '/4'].map((path) => ask(upstreams, { path }))
    await until(() => server.seen.length === 2)
    expect(upstreams.stats()).toMatchObject({ inFlight: 2, pending: 2 })
    await server.answer(4)
    const timings = (await Promise.all(asked)).map(({ exchange }) => exchange.timings.map(({ name }) => name))
    expect(timings).toEqual([['upstream'], ['upstream'], ['pending', 'upstream'], ['pending', 'upstream']])
    expect(server.seen.slice(2)).toEqual(['GET /3', 'GET /4'])
    expect(server.load.most).toBe(2)
    expect(upstreams.stats()).toEqual({
      inFlight: 0,
      pending: 0,
      rejected: { connections: 0, pending: 0, requests: 0 },
      ejections: {},
      retriesLeft: 100,
    })
  })

  it('refuses at once what its queue has no place for, with 503 and Retry-After, also where it would be tried twice', async () => {
    const { server, upstreams } = await limited({ connections: 1, pending: 1 })
    const asked = [ask(upstreams), ask(upstreams)]
    for (const dispatcher of [upstreams, upstreams.compose(retry())]) {
      const refused = ask(dispatcher)
      await expect(refused).rejects.toMatchObject({
        type: 'connection_limit_reached',
        code: 'upstream_overloaded',
        statusCode: 503,
        headers: { 'retry-after': '2' },
        sent: false,
      })
      expect(refused.exchange.error).toBe('connection_limit_reached')
    }
    expect(upstreams.stats().rejected).toEqual({ connections: 0, pending: 2, requests: 0 })
    await server.answer(2)
    await Promise.all(asked)
  })

  it('lets whoever leaves out of the queue: the next one has its place, and no upstream hears of it', async () => {
    const { server, upstreams } = await limited({ connections: 1, pending: 1 })
    const first = ask(upstreams, { path: '/first' })
    const leaves = ask(upstreams, { path: '/leaves' })
    const reason = new Error('left')
    ;(await leaves.controller).abort(reason)
    await expect(leaves).rejects.toBe(reason)
    const next = ask(upstreams, { path: '/next' })
    await server.answer(2)
    await Promise.all([first, next])
    expect(server.seen).toEqual(['GET /first', 'GET /next'])
    expect(upstreams.stats().pending).toBe(0)
  })

  it('keeps nobody waiting after his deadline', async () => {
    const { server, upstreams } = await limited({ connections: 1 })
    const first = ask(upstreams)
    const late = ask(upstreams, { path: '/late' }, createExchange({ deadlineAt: performance.now() + 100 }))
    await expect(late).rejects.toMatchObject({ type: 'http_response_timeout', statusCode: 504, sent: false })
    await server.answer()
    await first
    expect(server.seen).toEqual(['GET /'])
  })

  it('keeps nobody waiting for more than 5 s', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const { server, upstreams } = await limited({ connections: 1 })
    const first = ask(upstreams)
    const waits = ask(upstreams)
    const refused = expect(waits).rejects.toMatchObject({ code: 'upstream_overloaded', statusCode: 503 })
    vi.advanceTimersByTime(5_000)
    expect(upstreams.stats().pending).toBe(1)
    vi.advanceTimersByTime(500)
    await refused
    expect(upstreams.stats()).toMatchObject({ pending: 0, rejected: { pending: 1 } })
    await server.answer()
    await first
  })

  it('gives a place that a failed request leaves to the next', async () => {
    const { server, upstreams } = await limited({ connections: 1 })
    const [first, second] = [ask(upstreams), ask(upstreams)]
    await until(() => server.held.length === 1)
    server.held.shift()?.destroy()
    await expect(first).rejects.toMatchObject({ type: 'connection_terminated' })
    await server.answer()
    expect((await second).body).toBe('answered')
  })

  it.each(['closed', 'destroyed', 'without a usable endpoint'])(
    'refuses those that wait when it is %s',
    async (how) => {
      const { server, upstreams } = await limited({ connections: 1 })
      const first = ask(upstreams)
      const settled = first.then(String, String)
      const waits = ask(upstreams)
      const refused = expect(waits).rejects.toMatchObject({ type: 'destination_unavailable', sent: false })
      await until(() => server.held.length === 1)
      if (how === 'closed') void upstreams.close()
      else if (how === 'destroyed') void upstreams.destroy()
      else upstreams.drain(server.origin)
      await refused
      if (how !== 'destroyed') await server.answer()
      await settled
      expect(upstreams.stats().pending).toBe(0)
    },
  )
})

describe('an endpoint with a maximum', () => {
  it('never has more at once, whoever asks; what is over it goes elsewhere, then waits', async () => {
    const [a, b] = [await holding(), await holding()]
    const { upstreams } = await over(
      [
        { url: a.origin, max: 2 },
        { url: b.origin, max: 3 },
      ],
      { policy: 'hash' },
    )
    const asked = Array.from({ length: 20 }, () => ask(upstreams, {}, createExchange({ hashKey: 'same' })))
    await until(() => a.held.length === 2 && b.held.length === 3)
    expect(upstreams.stats()).toMatchObject({ inFlight: 5, pending: 15 })
    expect(upstreams.endpoints()).toMatchObject([
      { inFlight: 2, max: 2 },
      { inFlight: 3, max: 3 },
    ])
    let answering = true
    const answered = Promise.all(
      [a, b].map(async ({ held }) => {
        while (answering) {
          await until(() => held.length > 0 || !answering)
          held.shift()?.end()
        }
      }),
    )
    await Promise.all(asked)
    answering = false
    await answered
    expect([a.load.most, b.load.most]).toEqual([2, 3])
  })

  it('gets what waits when it comes up, is taken back, or another comes up', async () => {
    const [a, b] = [await holding(), await named('b')]
    const { upstreams } = await over([{ url: a.origin, max: 1 }, b.origin])
    upstreams.drain(b.origin)
    const first = ask(upstreams)
    const waits = ask(upstreams)
    expect(upstreams.stats().pending).toBe(1)
    upstreams.undrain(b.origin)
    expect((await waits).body).toBe('b')
    await a.answer()
    await first
  })

  it('keeps what waits from backups: it is full, and usable', async () => {
    const [a, spare] = [await holding(), await named('spare')]
    const { upstreams } = await over(
      [
        { url: a.origin, max: 1 },
        { url: spare.origin, backup: true },
      ],
      { usable: 1 },
    )
    const asked = [ask(upstreams), ask(upstreams)]
    await a.answer(2)
    expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(['answered', 'answered'])
    expect(spare.seen).toEqual([])
  })

  it('makes a second attempt wait for another endpoint than the first one had', async () => {
    const [a, b] = [await holding(), await holding()]
    const { upstreams } = await over([a.origin, { url: b.origin, max: 1 }])
    const [onA, onB] = [ask(upstreams.compose(retry()), { path: '/a' }), ask(upstreams, { path: '/b' })]
    await until(() => a.held.length === 1 && b.held.length === 1)
    a.held.shift()?.destroy()
    await until(() => upstreams.stats().pending === 1)
    await b.answer(2)
    await Promise.all([onA, onB])
    expect([a.seen, b.seen]).toEqual([['GET /a'], ['GET /b', 'GET /a']])
  })
})
