/** One balancer process takes over from another, and nobody who asks is the worse for it. */
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { generate } from 'selfsigned'
import { describe, expect, it } from 'vitest'
import { fileOf, get, load, open, supervised, upstream } from './supervised.ts'

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

describe('a hand-over', () => {
  it.each([
    { times: 20, over: 'HTTP', settings: () => ({}) },
    { times: 3, over: 'TLS', settings: certificate },
  ])(
    '$times times in a row under load over $over costs not one request and refuses not one connection',
    {
      timeout: 90_000,
    },
    async ({ times, settings }) => {
      const { origin } = await upstream()
      const { url, handOver, count } = await supervised({ SPILLWAY_UPSTREAMS: origin, ...(await settings()) })
      const { stop, failures, answered } = load(url, 8)
      for (let n = 0; n < times; n++) await handOver()
      await stop()
      expect(failures).toEqual([])
      expect(count('ready')).toBe(times + 1)
      expect(Math.min(answered.kept, answered.fresh)).toBeGreaterThan(10 * times)
    },
  )

  it('leaves what the old process accepted with it: requests, idle connections, streams and WebSockets', async () => {
    const held: http.ServerResponse[] = []
    const { origin, server } = await upstream((request, response) => {
      if (request.url === '/slow') held.push(response)
      else response.end('hello')
    })
    server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.on('error', () => {}).pipe(socket)
    })
    const { url, handOver, pid, logged, lines } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    const old = pid()
    const [slow, kept, idle, tunnel] = [await open(url), await open(url), await open(url), await open(url)]
    slow.socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\n')
    kept.socket.write(REQUEST)
    idle.socket.write(REQUEST)
    tunnel.socket.write('GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    await expect.poll(() => [kept, idle].every(({ came }) => came().endsWith('hello'))).toBe(true)
    await expect.poll(() => held.length > 0 && tunnel.came().startsWith('HTTP/1.1 101')).toBe(true)

    await handOver()
    const before = kept.came().length
    kept.socket.write(REQUEST)
    await kept.closed
    expect(kept.came().slice(before)).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close\r\n[\s\S]*hello$/i)
    tunnel.socket.write('after the hand-over')
    await expect.poll(tunnel.came).toMatch(/after the hand-over$/)
    held[0]?.end('at last')
    await slow.closed
    expect(slow.came()).toMatch(/^HTTP\/1\.1 200 [\s\S]*at last$/)
    // After 5 s nobody is expected to ask any more; what still flows after 9.5 s is cut.
    await idle.closed
    expect(lines.some(({ msg }) => String(msg).includes('is cut'))).toBe(false)
    await tunnel.closed
    await logged(`balancer process ${old}, beside the one that serves, ended (code 0)`)
  })

  it('takes on what the files of settings say now', async () => {
    const [before, after] = [await upstream(), await upstream((_, response) => response.end('moved'))]
    const file = fileOf(before.origin)
    const { url, handOver } = await supervised({ SPILLWAY_UPSTREAMS_FILE: file })
    expect((await get(url, http.globalAgent)).text).toBe('hello')
    writeFileSync(file, after.origin)
    await handOver()
    expect((await get(url, new http.Agent())).text).toBe('moved')
  })
})

async function certificate() {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  return { TLS_CERT: fileOf(cert), TLS_KEY: fileOf(key) }
}
