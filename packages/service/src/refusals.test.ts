import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { createLogger } from './log.ts'
import { refuseUnparsed } from './refusals.ts'

const logger = createLogger({ service: 'tests', instance: 'tests', level: 'silent' })

/** What a client reads when the server's parser gave up with `code`. */
async function refused(code: string, prepare: (socket: Socket) => void = () => {}): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    prepare(socket)
    refuseUnparsed(Object.assign(new Error('unparsable'), { code }), socket, logger)
    // Nobody answers twice, however many bytes follow.
    refuseUnparsed(Object.assign(new Error('unparsable'), { code }), socket, logger)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  let came = ''
  client.on('data', (chunk) => {
    came += chunk
  })
  await once(client, 'close')
  server.close()
  await once(server, 'close')
  return came
}

it.each([
  ['HPE_INVALID_METHOD', 400, 'bad_request'],
  ['HPE_HEADER_OVERFLOW', 431, 'headers_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408, 'request_timeout'],
])('answers %s with %d %s, once, and closes', async (code, status, name) => {
  const came = await refused(code)
  const [head = '', body = ''] = came.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
  expect(JSON.parse(body)).toMatchObject({ status, code: name })
})

it('leaves a connection that is lost alone, and breaks one whose answer has begun', async () => {
  expect(await refused('ECONNRESET', (socket) => socket.destroy())).toBe('')
  const begun = (socket: Socket) => Object.assign(socket, { _httpMessage: { headersSent: true } })
  expect(await refused('HPE_INVALID_CHUNK_SIZE', begun)).toBe('')
})
