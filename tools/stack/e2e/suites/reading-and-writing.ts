/** One read and one write, all the way: methods, cache hits, and writes seen through every gateway. */
import net from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Service, type Stack, send, until } from '../stack.ts'

export function readingAndWriting(stack: () => Stack): void {
  let token: string
  let editor: string
  beforeAll(async () => {
    token = await stack().token()
    editor = await stack().token('editor')
  })

  const put = (url: string, key: string, value: unknown) =>
    send(`${url}/data/${key}`, { method: 'PUT', token: editor, json: { value } })
  const get = (url: string, key: string) => send(`${url}/data/${key}`, { token })

  describe('through the balancer', () => {
    it('every method reaches its end with body and query unchanged', async () => {
      const url = stack().url('/data/methods')
      const created = await send(url, { method: 'PUT', token: editor, json: { value: { a: 1, text: 'ä€😀' } } })
      expect(created.status).toBe(201)
      const merged = await send(url, { method: 'PATCH', token: editor, json: { value: { a: null, b: [2] } } })
      expect(merged.json().value).toEqual({ text: 'ä€😀', b: [2] })
      expect((await send(url, { token })).json().value).toEqual({ text: 'ä€😀', b: [2] })
      const head = await send(url, { method: 'HEAD', token })
      expect(head).toMatchObject({ status: 200, text: '' })
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
      const page = (await send(stack().url('/data?limit=2&after=alpha'), { token })).json()
      expect(page.items).toHaveLength(2)
      expect((await send(stack().url('/data?key=methods'), { token })).json().key).toBe('methods')
      expect((await send(url, { method: 'POST', token: editor, json: {} })).json().code).toBe('method_not_allowed')
      expect((await send(url, { method: 'OPTIONS' })).headers['x-served-by']).toMatch(/^gateway-/)
      expect((await send(url, { method: 'DELETE', token: editor })).status).toBe(204)
      expect((await send(url, { token })).json().code).toBe('item_not_found')
    })

    it('bad input gets a problem with a stable code', async () => {
      const malformed = await send(stack().url('/login'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"username":',
      })
      expect(malformed.json().code).toBe('malformed_json')
      expect((await send(stack().url('/nowhere'))).json()).toMatchObject({ status: 404, code: 'route_not_found' })
      expect((await send(stack().url('/metrics'))).status).toBe(404)
      expect((await send(stack().url(`/data/${'x'.repeat(9000)}`))).json().code).toBe('url_too_long')
      const invalid = await send(stack().url('/data/x'), { method: 'PUT', token: editor, json: { valu: 1 } })
      expect(invalid.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    })
  })

  describe('a second read', () => {
    it('is a hit and says so', async () => {
      await put(stack().url(), 'twice', 1)
      const gateway = (await stack().services('gateway'))[0] as Service
      const first = await get(gateway.url, 'twice')
      const second = await get(gateway.url, 'twice')
      expect(first.headers['cache-status']).toMatch(/gateway-1; ?fwd=uri-miss.*stored/)
      expect(second.headers['cache-status']).toMatch(/gateway-1; ?hit/)
      expect(second.text).toBe(first.text)
      expect(second.headers).toMatchObject({ etag: first.headers['etag'], 'x-served-by': 'gateway-1' })
      expect(Number(second.headers['age'])).toBeGreaterThanOrEqual(0)
      expect(second.headers).not.toHaveProperty('cdn-cache-control')
      expect(second.headers).not.toHaveProperty('cache-tag')
      const unchanged = await send(`${gateway.url}/data/twice`, {
        token,
        headers: { 'if-none-match': first.headers['etag'] ?? '' },
      })
      expect(unchanged).toMatchObject({ status: 304, text: '' })
    })

    it('through another gateway is a hit too', async () => {
      await put(stack().url(), 'shared', 1)
      const [one, two] = await stack().services('gateway')
      await get(one?.url ?? '', 'shared')
      expect((await get(two?.url ?? '', 'shared')).headers['cache-status']).toMatch(/hit/)
    })
  })

  describe('a write', () => {
    it('is seen by the next read through every gateway, 200 times over', async () => {
      const gateways = await stack().services('gateway')
      for (let round = 0; round < 200; round++) {
        const writer = gateways[round % gateways.length] as Service
        expect((await put(writer.url, 'counter', round)).status).toBeLessThan(300)
        const seen = await Promise.all(gateways.map(async ({ url }) => (await get(url, 'counter')).json().value))
        expect(seen).toEqual(gateways.map(() => round))
      }
    })

    it('waits for a gateway whose purge stream is held back by 500 ms, and that gateway shows it', async () => {
      const proxy = await holdBack((await stack().service('cache')).url, 500)
      try {
        const late = await stack().gateway({ INSTANCE: 'gateway-late', CACHE_URL: proxy.url })
        await put(stack().url(), 'held', 'old')
        await until('the late gateway caches', async () => {
          await get(late.url, 'held')
          return /hit/.test((await get(late.url, 'held')).headers['cache-status'] ?? '')
        })
        expect((await get(late.url, 'held')).json().value).toBe('old')
        const started = performance.now()
        await put(stack().url(), 'held', 'new')
        const waited = performance.now() - started
        expect((await get(late.url, 'held')).json().value).toBe('new')
        // The stream's delay is the lower bound of the wait: a fact of the protocol, not a speed.
        expect(waited).toBeGreaterThanOrEqual(500)
      } finally {
        proxy.close()
      }
    })
  })
}

/** A way to the cache service on which what the service says comes `ms` late; what it hears comes at once. */
async function holdBack(target: string, ms: number): Promise<{ url: string; close: () => void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.pipe(upstream)
    let streaming = false
    client.on('data', (chunk) => {
      streaming ||= String(chunk).startsWith('GET /stream')
    })
    upstream.on('data', (chunk) => (streaming ? setTimeout(() => client.write(chunk), ms) : client.write(chunk)))
    upstream.on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
