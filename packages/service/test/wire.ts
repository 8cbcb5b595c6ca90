/** What the tests send past every client library: bytes on a socket, and what came back. */
import { connect } from 'node:net'

/** Writes `bytes`, reads until the other end closes (or, with `until`, until that has come), and returns what came. */
export function send(port: number, bytes: string, until?: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
  let came = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    came += chunk
    if (until?.test(came)) socket.destroy()
  })
  socket.on('error', (error) => (came ? resolve(came) : reject(error)))
  socket.on('close', () => resolve(came))
  return promise
}
