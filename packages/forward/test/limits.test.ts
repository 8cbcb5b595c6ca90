import type { ServerResponse } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { edgeOver } from './edge.ts'
import { RawClient, upstream } from './wire.ts'

/** A proxy that has one request on its way at most and one waiting, before an upstream that answers when told to. */
async function narrow() {
  const held: ServerResponse[] = []
  const seen: string[] = []
  const { origin } = await upstream((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume()
    held.push(response)
  })
  const { port, upstreams } = await edgeOver({ endpoints: [origin], limits: { connections: 1, pending: 1 } })
  const ask = (path: string) => new RawClient(port).send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  const first = ask('/first')
  await vi.waitUntil(() => held.length === 1)
  const pending = (count: number) => vi.waitUntil(() => upstreams.stats().pending === count)
  return { port, ask, first, held, seen, pending }
}

describe('where an upstream has as much to do as it may', () => {
  it('a request waits for its turn and says so; one too many gets 503 with Retry-After at once', async () => {
    const { ask, first, held, seen, pending } = await narrow()
    const waits = ask('/waits')
    await pending(1)
    const refused = await ask('/refused').until('upstream_overloaded')
    expect(refused).toMatch(/^HTTP\/1.1 503 /)
    expect(refused).toMatch(/^retry-after: 2\r$/im)
    expect(refused).toMatch(/^proxy-status: edge; error=connection_limit_reached\r$/im)
    held.shift()?.end('one')
    await first.until('one')
    await vi.waitUntil(() => held.length === 1)
    held.shift()?.end('two')
    expect(await waits.until('two')).toMatch(/^server-timing: .*pending;dur=.*upstream;dur=/im)
    expect(seen).toEqual(['GET /first', 'GET /waits'])
  })

  it('a client that leaves while it waits makes way for the next, also while it sends a body', async () => {
    const { port, ask, first, held, seen, pending } = await narrow()
    const leaves = new RawClient(port).send('POST /leaves HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf')
    await pending(1)
    leaves.socket.destroy()
    await pending(0)
    const next = ask('/next')
    await pending(1)
    held.shift()?.end('one')
    await first.until('one')
    await vi.waitUntil(() => held.length === 1)
    held.shift()?.end('two')
    await next.until('two')
    expect(seen).toEqual(['GET /first', 'GET /next'])
  })

  it('a body that waits is sent whole when its turn comes', async () => {
    const { port, first, held, seen, pending } = await narrow()
    const body = 'x'.repeat(100_000)
    const waits = new RawClient(port).send(
      `PUT /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await pending(1)
    held.shift()?.end('one')
    await first.until('one')
    await vi.waitUntil(() => held.length === 1)
    const response = held.shift()
    await vi.waitUntil(() => response?.req.complete)
    response?.end('two')
    expect(await waits.until('two')).toMatch(/^HTTP\/1.1 200 /)
    expect(seen).toEqual(['GET /first', 'PUT /body'])
  })
})
