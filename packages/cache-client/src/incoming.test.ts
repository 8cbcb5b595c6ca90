import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Incoming } from './incoming.ts'

/** More than waits unread, and than a socket takes at once. */
const LARGE = 16 * 1024 * 1024

let written = 0
const server = http.createServer((request, response) => {
  if (request.url === '/silent') return
  response.writeHead(200, { 'x-said': 'yes' })
  if (request.url === '/broken') {
    response.write('half')
    setImmediate(() => response.destroy())
  } else if (request.url === '/large') {
    const piece = Buffer.alloc(65_536, 'x')
    const write = () => {
      while (written < LARGE) {
        written += piece.length
        if (!response.write(piece)) return void response.once('drain', write)
      }
      response.end()
    }
    write()
  } else response.end('all of it')
})
let pool: Pool

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  pool = new Pool(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
afterAll(async () => {
  await pool.destroy()
  server.close()
})

function ask(path: string, ...signals: AbortSignal[]): Incoming {
  const incoming = new Incoming(...signals)
  pool.dispatch({ method: 'GET', path }, incoming)
  return incoming
}

async function textOf(incoming: Incoming): Promise<string> {
  const pieces = []
  for await (const piece of incoming) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

it('gives its head, then its body', async () => {
  const incoming = ask('/')
  expect(await incoming.head).toMatchObject({ status: 200, headers: { 'x-said': 'yes' } })
  expect(await textOf(incoming)).toBe('all of it')
})

it('is cancelled by any of its signals, with its reason, before the head too', async () => {
  const [one, two] = [new AbortController(), new AbortController()]
  const incoming = ask('/silent', one.signal, two.signal)
  two.abort(new Error('enough'))
  await expect(incoming.head).rejects.toThrow('enough')
  await expect(ask('/silent', two.signal).head).rejects.toThrow('enough')
})

it('says so where it breaks off', async () => {
  const incoming = ask('/broken')
  await incoming.head
  await expect(textOf(incoming)).rejects.toThrow()
})

it('has the service wait with what nobody reads yet', async () => {
  const incoming = ask('/large')
  await incoming.head
  for (let before = -1; before !== written; ) {
    before = written
    // Time for all that can pass; what cannot, never does.
    await delay(100)
  }
  expect(written).toBeLessThan(LARGE)
  expect(await textOf(incoming)).toHaveLength(LARGE)
})
