/** Nothing is read as a request that may be part of another one: on every server here, whatever its routes. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createApp, createContext } from '../src/index.ts'

const app = await createApp(createContext('sample', { LOG_LEVEL: 'silent' }))
const asked: string[] = []
const held = Promise.withResolvers<string>()
app.all('/*', ({ method, url }) => {
  asked.push(`${method} ${url}`)
  return url === '/held' ? held.promise : 'done'
})
beforeAll(() => app.listen({ port: 0, host: '127.0.0.1' }))
afterAll(() => app.close())
beforeEach(() => void asked.splice(0))

/** Writes the packets, each but the first when the first answer has begun, and returns what came until the server closed. */
async function exchange(...packets: string[]): Promise<string> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const ended = once(socket, 'close')
  let came = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    came += chunk
    for (const packet of packets.splice(0)) socket.write(packet)
  })
  socket.write(packets.shift() ?? '')
  await ended
  return came
}

const statuses = (answers: string) => answers.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
const GET = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\n${fields}\r\n`
const NEXT = GET('/next')
const UPGRADE = (to: string) => `connection: upgrade\r\nupgrade: ${to}\r\n`
const JSON_IN_CHUNKS = 'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntrue\r\n0\r\n\r\n'

it.for([
  ['h2c', GET('/first', UPGRADE('h2c'))],
  ['websocket', GET('/first', UPGRADE('websocket'))],
  ['TLS, behind a body', `POST /first HTTP/1.1\r\nhost: a\r\n${UPGRADE('TLS/1.0')}content-length: 0\r\n\r\n`],
  ['h2c, at a URL that cannot be read', GET('/%zz', UPGRADE('h2c'))],
  ['h2c, at a URL that is too long', GET(`/${'x'.repeat(9_000)}`, UPGRADE('h2c'))],
])('a request that offers an upgrade is the last of its connection: %s', async ([, offering = '']) => {
  // Node reads no further than the head, drops what came with it, and would take the body for a request.
  const body = `POST /behind HTTP/1.1\r\nhost: a\r\ncontent-length: ${NEXT.length}\r\n\r\n`
  const answers = await exchange(offering + body, NEXT)
  expect(statuses(answers)).toHaveLength(1)
  expect(answers).toMatch(/connection: close/i)
  expect(asked).not.toContain('GET /next')
})

it.for([
  ['two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a Host that is none', 'GET / HTTP/1.1\r\nhost: a/b\r\n\r\n'],
  ['a coding in HTTP/1.0', `POST / HTTP/1.0\r\nconnection: keep-alive\r\n${JSON_IN_CHUNKS}`],
  ['the same at a URL that cannot be read', `POST /%zz HTTP/1.0\r\nconnection: keep-alive\r\n${JSON_IN_CHUNKS}`],
  ['an unknown coding', `POST / HTTP/1.1\r\nhost: a\r\n${JSON_IN_CHUNKS.replace('chunked', 'gzip, chunked')}`],
  ['a fragment', GET('/a#b')],
])('a request that can be read in two ways is refused, and so is what comes behind it: %s', async ([, refused]) => {
  const answers = await exchange(`${GET('/before')}${refused}${NEXT}`)
  expect(statuses(answers)).toEqual(['200', '400'])
  expect(answers).toMatch(/connection: close[\s\S]*"requestId":"[^"]+"\}$/i)
  expect(asked).toEqual(['GET /before'])
})

it('CONNECT is refused, and what follows it is no request', async () => {
  const answers = await exchange(`CONNECT a:1 HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n${NEXT}`)
  expect(answers).toMatch(/^HTTP\/1\.1 405 [\s\S]*"code":"method_not_forwarded"/)
  expect(asked).toEqual([])
})

it('CONNECT and upgrades behind a request that is yet to be answered do no harm', async () => {
  expect(await exchange(`${GET('/held')}CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n`)).toBe('')
  const both = exchange(`${GET('/held')}${GET('/second', UPGRADE('websocket'))}`)
  await expect.poll(() => asked).toEqual(['GET /held', 'GET /held', 'GET /second'])
  held.resolve('held')
  expect(await both).toMatch(/\r\n\r\nheldHTTP\/1\.1 200 [\s\S]*\r\n\r\ndone$/)
})
