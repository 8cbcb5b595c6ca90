import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { createApp, createContext } from '../src/index.ts'

const app = await createApp(createContext('sample', { LOG_LEVEL: 'silent' }))
let begun = 0
app.addHook('preParsing', async () => void begun++)
app.post('/read', ({ body }) => ({ got: body }))
app.register(async (scope) => {
  scope.addContentTypeParser('text/plain', (_request, _payload, done) => done(null))
  scope.post('/streamed', async ({ raw }) => {
    let bytes = 0
    for await (const chunk of raw) bytes += (chunk as Buffer).length
    return { bytes }
  })
})
beforeAll(() => app.listen({ port: 0, host: '127.0.0.1' }))
afterAll(() => app.close())
beforeEach(() => {
  begun = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => void vi.useRealTimers())

/** A client that has sent a head, of which the server knows. */
async function uploading(path: string, type: string, length: number) {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let came = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    came += chunk
  })
  const ended = once(socket, 'end')
  socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`)
  await expect.poll(() => begun).toBe(1)
  return {
    came: () => came,
    ended,
    async send(bytes: string) {
      const [server] = await connections()
      const before = server.bytesRead
      socket.write(bytes)
      await expect.poll(() => server.bytesRead).toBe(before + bytes.length)
    },
  }
}

/** The server's side. */
const open = new Set<Socket>()
app.server.on('connection', (socket) => {
  open.add(socket)
  socket.once('close', () => open.delete(socket))
})
const connections = async () => {
  await expect.poll(() => open.size).toBeGreaterThan(0)
  return [...open].slice(-1) as [Socket]
}

it('a body of which nothing comes for 20 s is cut with 408', async () => {
  const client = await uploading('/read', 'application/json', 10)
  vi.advanceTimersByTime(19_999)
  expect(client.came()).toBe('')
  vi.advanceTimersByTime(1)
  await client.ended
  expect(client.came()).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*"code":"request_timeout"/)
})

it('a byte now and then does not keep it alive', async () => {
  const client = await uploading('/read', 'application/json', 1000)
  for (let s = 0; s < 19; s++) {
    await client.send(' ')
    vi.advanceTimersByTime(1_000)
  }
  expect(client.came()).toBe('')
  vi.advanceTimersByTime(1_100)
  await client.ended
  expect(client.came()).toMatch(/^HTTP\/1\.1 408 /)
})

it('one that comes at 500 bytes a second may take as long as it takes', async () => {
  const client = await uploading('/read', 'application/json', 60_000)
  for (let s = 0; s < 118; s += 2) {
    await client.send(' '.repeat(1000))
    vi.advanceTimersByTime(2_000)
  }
  await client.send(`${' '.repeat(999)}1`)
  await expect.poll(client.came).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"got":1\}$/)
  for (const socket of open) socket.destroy()
})

it('what is streamed on is not bound by it', async () => {
  const client = await uploading('/streamed', 'text/plain', 2)
  vi.advanceTimersByTime(50_000)
  await client.send('ab')
  await expect.poll(client.came).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"bytes":2\}$/)
  for (const socket of open) socket.destroy()
})
