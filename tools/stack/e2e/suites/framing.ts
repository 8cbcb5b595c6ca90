/** Each server of the stack reads no more requests than were written, whatever its routes. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { type Stack, send } from '../stack.ts'

const NEXT = 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n'
const POST = `POST /health HTTP/1.1\r\nhost: a\r\ncontent-length: ${NEXT.length}\r\n\r\n`
const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nhost: a\r\n${fields}\r\n`

/** The statuses of the answers to two packets, the second sent when the first is answered, until the server closes. */
async function statuses(url: string, first: string, second = ''): Promise<string[]> {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  let came = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    if (came === '') socket.write(second)
    came += chunk
  })
  socket.write(first)
  await once(socket, 'close')
  return came.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
}

export function framing(stack: () => Stack): void {
  /** A path that each server answers itself, and of the gateways one of each kind of route. */
  async function places(): Promise<[url: string, path: string][]> {
    const services = (await stack().services()).filter(({ role }) => role !== 'postgres')
    const own = services.map(({ adminUrl, url }): [string, string] => [adminUrl ?? url, '/health'])
    const through = services
      .filter(({ role }) => role === 'balancer' || role === 'gateway')
      .flatMap(({ url }) =>
        ['/', '/docs', '/openapi.json', '/login', '/data/a', '/stress-test'].map((path) => [url, path]),
      )
    return [...own, ...(through as [string, string][])]
  }

  it.for([['h2c'], ['websocket']])('behind an offer of %s', async ([protocol]) => {
    for (const [url, path] of await places()) {
      const offer = get(path, `connection: upgrade\r\nupgrade: ${protocol}\r\n`)
      expect(await statuses(url, offer + POST, NEXT), url + path).toHaveLength(1)
    }
  })

  it.for([
    ['with two Hosts', 'host: b\r\n'],
    ['with a coding that is unknown', 'transfer-encoding: gzip, chunked\r\n'],
  ])('behind a request %s', async ([, field]) => {
    for (const [url, path] of await places()) {
      expect(await statuses(url, get(path, field) + NEXT), url + path).toEqual(['400'])
    }
  })

  it('and none falls over a CONNECT or an upgrade behind a request that is yet to be answered', async () => {
    for (const [url, path] of await places()) {
      await statuses(url, `${get(path)}CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n`)
      await statuses(url, `${get(path)}${get(path, 'connection: upgrade\r\nupgrade: websocket\r\n')}`)
    }
    for (const { role, adminUrl, url } of await stack().services()) {
      if (role !== 'postgres') expect((await send(`${adminUrl ?? url}/health`)).status).toBe(200)
    }
  })
}
