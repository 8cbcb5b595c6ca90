/** What flows for long: events, WebSockets, and clients that are slow on purpose; others are unharmed. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type net from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { edge } from './edge.ts'
import { ask, RawClient, rawUpstream, upstream } from './wire.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Resolves when `measure`, which must have begun, has not moved for ten looks in a row. */
async function steady(measure: () => number): Promise<number> {
  const looks: number[] = []
  await expect
    .poll(() => looks.unshift(measure()) > 10 && looks[0] !== 0 && new Set(looks.slice(0, 10)).size === 1, {
      interval: 20,
      timeout: 15_000,
    })
    .toBe(true)
  return measure()
}

describe('events', () => {
  it.for(['1.1', '1.0'])(
    'arrive while the next is not yet sent, each sent because the last has arrived (HTTP/%s)',
    async (version) => {
      let stream: ServerResponse | undefined
      const { origin } = await upstream((_request, response) => {
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
        stream.flushHeaders()
      })
      const client = new RawClient((await edge(origin)).port).send(`GET / HTTP/${version}\r\nhost: a\r\n\r\n`)
      await client.until('text/event-stream')
      for (let i = 0; i < 20; i++) {
        stream?.write(`data: ${i}\n\n`)
        await client.until(`data: ${i}\n\n`)
      }
    },
  )

  it('go up, too: the upstream has each part before the next is sent', async () => {
    let heard = ''
    const { origin } = await rawUpstream((socket) =>
      socket.on('data', (chunk) => {
        heard += chunk
      }),
    )
    const client = new RawClient((await edge(origin)).port)
    client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n')
    for (let i = 10; i < 30; i++) {
      client.send(`2\r\n${i}\r\n`)
      await expect.poll(() => heard, { interval: 1 }).toContain(`2\r\n${i}`)
    }
  })
})

/** A WebSocket server as small as it gets (RFC 6455): keeps what it gets as frames, and sends frames. */
async function sockets() {
  const accepted = Promise.withResolvers<net.Socket>()
  const frames: { opcode: number; payload: Buffer }[] = []
  const { origin } = await rawUpstream((socket) => {
    socket.once('data', (head) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(String(head))?.[1]
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      )
      socket.on('data', (frame: Buffer) => {
        const mask = frame.subarray(2, 6)
        const payload = Buffer.from(frame.subarray(6).map((byte, i) => byte ^ (mask[i % 4] as number)))
        frames.push({ opcode: (frame[0] as number) & 15, payload })
      })
      accepted.resolve(socket)
    })
  })
  return { origin, accepted: accepted.promise, frames }
}

const closeFrame = (code: number, reason: string) =>
  Buffer.concat([Buffer.from([0x88, 2 + reason.length, code >> 8, code & 255]), Buffer.from(reason)])

const HANDSHAKE = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'

/** Both ends of a tunnel as sockets. */
async function tunnel() {
  const accepted = Promise.withResolvers<net.Socket>()
  const { origin } = await rawUpstream((socket) => {
    socket.allowHalfOpen = true
    socket.once('data', () => {
      socket.pause()
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      accepted.resolve(socket)
    })
  })
  const { port, inFlight } = await edge(origin)
  const client = new RawClient(port).send(HANDSHAKE)
  await client.until('\r\n\r\n')
  return { client, socket: await accepted.promise, inFlight }
}

describe('a WebSocket', () => {
  it('is closed by its client with the client’s code and reason', async () => {
    const { origin, accepted, frames } = await sockets()
    const client = new WebSocket(`ws://127.0.0.1:${(await edge(origin)).port}`)
    await once(client, 'open')
    client.close(4001, 'enough')
    await expect.poll(() => frames[0]?.opcode).toBe(8)
    expect([frames[0]?.payload.readUInt16BE(0), frames[0]?.payload.toString('utf8', 2)]).toEqual([4001, 'enough'])
    const closed = once(client, 'close')
    ;(await accepted).end(closeFrame(4001, 'enough'))
    expect((await closed)[0]).toMatchObject({ code: 4001, reason: 'enough', wasClean: true })
  })

  it('is closed by its server with the server’s code and reason', async () => {
    const { origin, accepted, frames } = await sockets()
    const client = new WebSocket(`ws://127.0.0.1:${(await edge(origin)).port}`)
    await once(client, 'open')
    const closed = once(client, 'close')
    const socket = await accepted
    socket.write(closeFrame(4002, 'moving'))
    await expect.poll(() => frames[0]?.payload.readUInt16BE(0)).toBe(4002)
    socket.end()
    expect((await closed)[0]).toMatchObject({ code: 4002, reason: 'moving', wasClean: true })
  })

  it('may be written to before it is one, and nothing of that is lost', async () => {
    let heard = ''
    let accepted: net.Socket | undefined
    const { origin } = await rawUpstream((socket) => {
      accepted = socket
      socket.on('data', (chunk) => {
        heard += chunk
      })
    })
    const client = new RawClient((await edge(origin)).port).send(`${HANDSHAKE}hasty `)
    await expect.poll(() => heard).toContain('\r\n\r\n')
    client.send('words')
    expect(heard).not.toContain('hasty')
    accepted?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello')
    await client.until('hello')
    await expect.poll(() => heard).toMatch(/\r\n\r\nhasty words$/)
  })

  it('without a closing frame is lost, not closed', async () => {
    const { origin, accepted } = await sockets()
    const client = new WebSocket(`ws://127.0.0.1:${(await edge(origin)).port}`)
    client.addEventListener('error', () => {})
    await once(client, 'open')
    const closed = once(client, 'close')
    ;(await accepted).resetAndDestroy()
    expect((await closed)[0]).toMatchObject({ code: 1006, wasClean: false })
  })

  it.for(['client', 'upstream'] as const)(
    'whose %s stops reading makes the other stop writing, and loses nothing',
    async (slow) => {
      const { client, socket } = await tunnel()
      const [reader, writer] = slow === 'client' ? [client.socket, socket] : [socket, client.socket]
      reader.pause()
      const size = 60_000_000
      writer.write(Buffer.alloc(size, 'x'))
      const passed = await steady(() => writer.bytesWritten - writer.writableLength)
      // What is between them: both kernels' buffers, and little of the proxy's.
      expect(passed).toBeLessThan(30_000_000)
      const before = reader.bytesRead
      if (slow === 'upstream') reader.on('data', () => {})
      reader.resume()
      await expect.poll(() => reader.bytesRead - before, { timeout: 15_000 }).toBeGreaterThanOrEqual(size - before)
    },
  )

  it.for(['client', 'upstream'] as const)(
    'whose %s has said its last word still brings it the other’s',
    async (first) => {
      const { client, socket, inFlight } = await tunnel()
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.resume()
      if (first === 'client') {
        client.socket.end('bye')
        await once(socket, 'end')
        socket.end('later')
      } else {
        client.socket.removeAllListeners('end')
        socket.end('later')
        await once(client.socket, 'end')
        client.socket.end('bye')
      }
      await client.closed
      await expect.poll(() => heard).toBe('bye')
      expect(client.received).toMatch(/later$/)
      await expect.poll(inFlight).toBe(0)
    },
  )
})

describe('a client that is slow on purpose', () => {
  it('in its head is cut when that may take no longer, and others are served meanwhile', async () => {
    const { origin } = await rawUpstream((socket) => socket.on('data', () => socket.write(OK)))
    const { port, server } = await edge(origin)
    expect([server.headersTimeout, server.requestTimeout]).toEqual([15_000, 0])
    server.headersTimeout = 50
    const slow = Array.from({ length: 20 }, () => new RawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\nx: '))
    const drip = setInterval(() => {
      for (const client of slow) client.send('y')
    }, 20)
    onTestFinished(() => clearInterval(drip))
    const alive = async () => {
      expect((await ask(port)).status).toBe(200)
      return slow.filter(({ socket }) => !socket.destroyed).length
    }
    expect(await alive()).toBe(20)
    await expect.poll(alive).toBe(0)
    for (const { received } of slow) expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/)
  })

  it('in its body is cut after a minute of silence, and not one that keeps coming', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    let open = 0
    let heard = ''
    const { origin } = await rawUpstream((socket) => {
      open++
      socket.once('close', () => open--)
      socket.on('data', (chunk) => {
        heard += chunk
      })
    })
    const { port, inFlight } = await edge(origin)
    const client = new RawClient(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n')
    for (let i = 0; i < 5; i++) {
      client.send(`${i};`)
      await expect.poll(() => heard).toContain(`${i};`)
      await vi.advanceTimersByTimeAsync(50_000)
    }
    expect(open).toBe(1)
    await vi.advanceTimersByTimeAsync(12_000)
    await client.until('request_not_forwardable')
    expect(client.received).toMatch(/^HTTP\/1\.1 400 [\s\S]*connection: close\r\n/i)
    await expect.poll(() => [open, inFlight()]).toEqual([0, 0])
  })

  it('in reading is cut when nothing has moved for a little more than five minutes, and its request taken back', async () => {
    const { origin } = await upstream((_request, response) => response.end(Buffer.alloc(30_000_000, 'x')))
    const { port, server, inFlight } = await edge(origin)
    expect(server.timeout).toBe(310_000)
    server.setTimeout(300)
    const client = new RawClient(port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await expect.poll(inFlight).toBe(1)
    await expect.poll(inFlight).toBe(0)
    client.socket.resume()
    const received = await client.all()
    expect(received).toMatch(/^HTTP\/1\.1 200 /)
    expect(received.length).toBeLessThan(30_000_000)
  })
})
