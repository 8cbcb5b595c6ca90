/** Clients of one gateway who read an answer that is on its way to the cache. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until, usable } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db:
    endpoints: \${UPSTREAM}
routes:
  - { path: '/items/{id}', methods: [GET], upstream: db, auth: public, cache: { scope: public } }
`

const fresh = { 'cdn-cache-control': 'public, max-age=30', 'content-type': 'text/plain' }
let cache: Service
let upstream: Upstream
let gateway: Gateway
let asked: Promise<ServerResponse>
let asks: (response: ServerResponse) => void
let path: string
let paths = 0

beforeAll(async () => {
  upstream = await startUpstream((_, response) => asks(response))
  cache = await startService('cache/src/main.ts')
  gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  await usable(gateway)
})
afterAll(async () => {
  await gateway?.close()
  await cache?.stop()
  await upstream?.close()
})
beforeEach(() => {
  path = `/items/${paths++}`
  upstream.asked.length = 0
  const { promise, resolve } = Promise.withResolvers<ServerResponse>()
  asked = promise
  asks = resolve
})

/** Reads until so many bytes are here, or to the end. */
async function client(signal?: AbortSignal) {
  const answer = await fetch(`${gateway.url}${path}`, signal ? { signal } : {})
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  let body = ''
  return {
    answer,
    async read(bytes = Infinity): Promise<string> {
      while (body.length < bytes) {
        const { value, done } = await reader.read()
        if (done) break
        body += Buffer.from(value)
      }
      return body
    },
  }
}

describe('an answer on its way to the cache', () => {
  it('is with every client before it is whole, and with those who come meanwhile', async () => {
    const early = [client(), client()]
    const response = await asked
    response.writeHead(200, fresh).write('one ')
    const [first, second] = await Promise.all(early)
    const late = await client()
    for (const each of [first, second, late]) expect(await each?.read(4)).toBe('one ')
    response.end('two')
    for (const each of [first, second, late]) expect(await each?.read()).toBe('one two')
    expect(late.answer.headers.get('cache-status')).toMatch(/^gateway-1; fwd=uri-miss; stored; collapsed/)
    expect(upstream.asked).toHaveLength(1)
    const hit = await client()
    expect(await hit.read()).toBe('one two')
    expect(hit.answer.headers.get('cache-status')).toMatch(/^gateway-1; hit/)
    expect(hit.answer.headers.get('content-length')).toBe('7')
  })

  it.each<[string, Record<string, string>]>([
    ['with a length', { 'content-length': '10' }],
    ['in chunks', {}],
  ])('breaks every client’s connection where the upstream breaks it off, and is not stored: %s', async (_, headers) => {
    const clients = [client(), client()]
    const response = await asked
    response.writeHead(200, { ...fresh, ...headers }).write('half')
    const readers = await Promise.all(clients)
    for (const each of readers) expect(await each.read(4)).toBe('half')
    response.destroy()
    for (const each of readers) await expect(each.read()).rejects.toThrow()
    asks = (anew) => anew.writeHead(200, fresh).end('whole')
    expect(await (await client()).read()).toBe('whole')
    expect(upstream.asked).toHaveLength(2)
  })

  it('goes on for the others when a client leaves, and is cancelled when all have left', async () => {
    const leaving = [new AbortController(), new AbortController()]
    const clients = leaving.map(({ signal }) => client(signal))
    const response = await asked
    response.writeHead(200, fresh).write('one ')
    const [first, second] = await Promise.all(clients)
    await Promise.all([first?.read(4), second?.read(4)])
    leaving[0]?.abort()
    response.write('two ')
    expect(await second?.read(8)).toBe('one two ')
    const closed = once(response, 'close')
    leaving[1]?.abort()
    await closed
    expect(response.writableEnded).toBe(false)
  })

  it('stays with its clients, and leaves the cache, where it is longer than may be stored', async () => {
    const clients = [client(), client()]
    const response = await asked
    response.writeHead(200, fresh)
    const chunk = 'x'.repeat(65_536)
    const sent = (async () => {
      for (let i = 0; i < 64; i++) if (!response.write(chunk)) await once(response, 'drain')
      response.end()
    })()
    const readers = await Promise.all(clients)
    const bodies = await Promise.all(readers.map((each) => each.read()))
    await sent
    expect(bodies.map(({ length }) => length)).toEqual([64 * 65_536, 64 * 65_536])
    expect(upstream.asked).toHaveLength(1)
    asks = (anew) => anew.writeHead(200, fresh).end('anew')
    await until(
      async () => (await client()).read(),
      (body) => body === 'anew',
    )
  })
})
