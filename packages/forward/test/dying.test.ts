/** Either side may die at any point: the other one learns of it, nothing is done twice, and nothing is left behind. */
import type net from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { edge } from './edge.ts'
import { ask, RawClient, rawUpstream } from './wire.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
const WEBSOCKET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
const SWITCHED = 'HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n'

/** A proxy before an upstream that does as `act` does with the bytes of its n-th connection. */
async function proxied(act: (socket: net.Socket, text: string, connection: number) => void) {
  const heard: string[] = []
  const open = new Set<net.Socket>()
  const { origin } = await rawUpstream((socket) => {
    const connection = heard.push('') - 1
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('data', (chunk) => {
      heard[connection] += chunk.toString('latin1')
      act(socket, heard[connection] as string, connection)
    })
  })
  const { port, server, inFlight } = await edge(origin)
  const nothingLeft = async () => {
    const clients = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
    await expect.poll(async () => [await clients(), open.size, inFlight()]).toEqual([0, 0, 0])
  }
  return { port, heard, open, inFlight, nothingLeft }
}

/** From here on nothing happens because time has passed. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('an upstream that dies', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n'

  it.for([
    ['before its head', '', 'GET', 2],
    ['before its head', '', 'POST', 1],
    ['in its status', 'HTTP/1.1 2', 'GET', 1],
    ['in its head', HEAD, 'GET', 1],
    ['in its head', HEAD, 'POST', 1],
    ['behind an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'GET', 1],
  ] as const)('%s (%j) makes %s a 502 after it was asked %i times', async ([, said, method, times]) => {
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const upstream = await proxied((socket) => {
        if (said === '') socket[end]()
        else socket.write(said, () => setImmediate(() => socket[end]()))
      })
      const client = new RawClient(upstream.port).send(method === 'GET' ? GET : `${POST}body`)
      expect(await client.until('upstream_failed')).toMatch(/HTTP\/1\.1 502 /)
      expect(upstream.heard).toHaveLength(times)
      client.socket.end()
      await upstream.nothingLeft()
    }
  })

  it('while it is uploaded to makes it a 502, with which the client’s connection ends', async () => {
    const upstream = await proxied((socket) => socket.resetAndDestroy())
    const client = new RawClient(upstream.port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n')
    expect(await client.send('x'.repeat(1_000)).all()).toMatch(/^HTTP\/1\.1 502 [\s\S]*connection: close\r\n/i)
    expect(upstream.heard).toHaveLength(1)
    await upstream.nothingLeft()
  })
})

describe('an answer before the request’s end', () => {
  it.for(['', 'connection: close\r\n'])('reaches the client, and nobody shares that connection (%j)', async (field) => {
    const upstream = await proxied((socket, text) => {
      if (text.endsWith(`\r\n\r\n${'x'.repeat(1_000)}`)) {
        socket.write(`HTTP/1.1 413 Content Too Large\r\n${field}content-length: 6\r\n\r\nenough`)
      } else if (text.startsWith('GET')) socket.write(OK)
    })
    const length = 3_000_000
    const client = new RawClient(upstream.port).send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`)
    client.send('x'.repeat(1_000))
    expect(await client.until('\r\n\r\nenough')).toMatch(/^HTTP\/1\.1 413 /)
    // The rest of the upload is read away, and is nobody's request.
    await client
      .send('x'.repeat(length - 1_000))
      .send(GET)
      .until('\r\n\r\nok')
    expect(upstream.heard).toHaveLength(2)
    expect(upstream.heard[1]).toMatch(/^GET /)
    client.socket.end()
    await expect.poll(upstream.inFlight).toBe(0)
  })
})

describe('a client that vanishes', () => {
  it.for([
    ['in its head', 'GET / HTTP/1.1\r\nho', '', 0],
    ['in its body', `${POST}bo`, '', 1],
    ['in a chunk', 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n9\r\nbo', '', 1],
    ['before the answer', GET, '', 1],
    ['before the answer to an upgrade', WEBSOCKET, '', 1],
    ['before the answers to two requests', `${GET}${GET}`, '', 2],
    ['in the answer’s head', GET, 'HTTP/1.1 200 OK\r\nx', 1],
    ['behind an interim answer', GET, 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n', 1],
    ['in the answer’s body', GET, 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', 1],
    ['in the answer’s chunk', GET, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf', 1],
    ['while an early answer comes', `${POST}bo`, 'HTTP/1.1 413 No\r\ncontent-length: 9\r\n\r\nhalf', 1],
    ['in a tunnel', WEBSOCKET, SWITCHED, 1],
  ] as const)('%s takes its request back, at once', async ([, sent, answer, requests]) => {
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const upstream = await proxied((socket, text) => {
        if (answer !== '' && text.includes('\r\n\r\n')) socket.write(answer)
      })
      stopTime()
      const client = new RawClient(upstream.port).send(sent)
      await expect.poll(() => upstream.heard.filter((text) => text.includes('\r\n\r\n')).length).toBe(requests)
      if (/half$|103|101/.test(answer)) await client.until(/\S+$/.exec(answer.trim())?.[0] ?? '')
      client.socket[leave]()
      await upstream.nothingLeft()
      vi.useRealTimers()
    }
  })
})

describe('a kept connection that its upstream closes as it is written to', () => {
  const closing = (how: 'destroy' | 'resetAndDestroy' | 'end') =>
    proxied((socket, text, connection) => {
      if (connection > 0 || text.split('\r\n\r\n').length === 2) socket.write(OK)
      else socket[how]()
    })

  it.for(['destroy', 'resetAndDestroy', 'end'] as const)('costs an idempotent request nothing (%s)', async (how) => {
    const { port, heard } = await closing(how)
    await ask(port)
    expect(await ask(port, { method: 'PUT', body: 'all of it', headers: { 'content-length': 9 } })).toMatchObject({
      status: 200,
    })
    expect(heard).toHaveLength(2)
    expect(heard[1]).toMatch(/^PUT [\s\S]*\r\n\r\nall of it$/)
  })

  it.for(['destroy', 'resetAndDestroy', 'end'] as const)(
    'makes another one a 502, and it is not sent twice (%s)',
    async (how) => {
      const { port, heard } = await closing(how)
      await ask(port)
      expect(await ask(port, { method: 'POST', body: 'once' })).toMatchObject({ status: 502 })
      await ask(port)
      expect(heard.join('').match(/POST /g)).toHaveLength(1)
    },
  )

  it('before a byte of the request came may lose that request, and never has it done twice', async () => {
    const { port, heard, open } = await proxied((socket, text) => {
      if (/\r\n\r\n(?:once)?$/.test(text)) socket.write(OK)
    })
    for (let round = 0; round < 50; round++) {
      await ask(port)
      for (const socket of open) socket.end()
      expect((await ask(port, { method: 'PUT', body: 'once', headers: { 'content-length': 4 } })).status).toBe(200)
      for (const socket of open) socket.end()
      const posted = await ask(port, {
        method: 'POST',
        path: `/${round}`,
        body: 'once',
        headers: { 'content-length': 4 },
      })
      expect([200, 502]).toContain(posted.status)
      const sent = heard.join('').split(`POST /${round} `).length - 1
      expect(sent).toBeLessThanOrEqual(1)
      if (posted.status === 200) expect(sent).toBe(1)
    }
  })
})
