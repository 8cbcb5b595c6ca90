import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { type AddressInfo, createServer as createNetServer, type Server } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { TlsSpec } from '../src/index.ts'
import { authority, type Pair } from './authority.ts'
import { ask, over, until } from './servers.ts'

let ours: Awaited<ReturnType<typeof authority>>
let theirs: Awaited<ReturnType<typeof authority>>
let shop: Pair
let strange: Pair
beforeAll(async () => {
  ;[ours, theirs] = await Promise.all([authority('ours'), authority('theirs')])
  ;[shop, strange] = await Promise.all([ours.give('shop.internal'), theirs.give('balancer')])
})

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** A server that tells whom it was asked for and who asked, at each request. */
async function tlsServer(options: ServerOptions) {
  const seen: { url: string; sni: string | false; client: string | undefined; host: string | undefined }[] = []
  const server = createServer(options, ({ url = '', headers, socket }, response) => {
    const tls = socket as TLSSocket & { servername: string | false }
    const { subject } = tls.getPeerCertificate() as Partial<PeerCertificate>
    seen.push({ url, sni: tls.servername, client: subject?.CN as string | undefined, host: headers.host })
    response.end('served')
  })
  let connections = 0
  server.on('secureConnection', () => connections++)
  const port = await listening(server)
  onTestFinished(() => server.closeAllConnections())
  return { port, seen, connections: () => connections }
}

const resolve = async () => ['127.0.0.1']
const named = (port: number, name = 'shop.internal') => [`dns+https://${name}:${port}`]

/** How a request fails. */
async function failure(endpoints: readonly string[], tls?: TlsSpec) {
  const { upstreams } = await over(endpoints, { check: false, resolve, ...(tls && { tls }) })
  const error = await ask(upstreams, { headers: { host: 'shop.internal' } }).then(
    () => undefined,
    (caught) => caught,
  )
  return { type: error?.type, statusCode: error?.statusCode, cause: error?.cause?.code }
}

const untrusted = { type: 'tls_certificate_error', statusCode: 502 }

describe('an https upstream', () => {
  it('of an authority of one’s own is believed, asked for by its name, and checked the same way', async () => {
    const { port, seen } = await tlsServer(shop)
    const { upstreams } = await over(named(port), { resolve, tls: { ca: ours.ca } })
    expect((await ask(upstreams, { headers: { host: 'client.example' } })).body).toBe('served')
    const about = { sni: 'shop.internal', client: undefined }
    expect(seen).toEqual([
      { url: '/ready', host: `shop.internal:${port}`, ...about },
      { url: '/', host: 'client.example', ...about },
    ])
  })

  it('of an authority that is not believed is refused, by its checks too', async () => {
    const { port, seen } = await tlsServer(shop)
    expect(await failure(named(port))).toMatchObject(untrusted)
    expect(await failure(named(port), { ca: theirs.ca })).toMatchObject(untrusted)
    const { upstreams } = await over(named(port), { resolve, usable: 0, tls: { ca: theirs.ca } })
    await until(() => upstreams.endpoints()[0]?.condition === 'down')
    expect(upstreams.endpoints()[0]?.reason).toBe('tls_certificate_error')
    expect(seen).toEqual([])
  })

  it('of one of several authorities is believed', async () => {
    const { port } = await tlsServer(shop)
    const { upstreams } = await over(named(port), { resolve, tls: { ca: `${theirs.ca}\n${ours.ca}` } })
    expect((await ask(upstreams)).status).toBe(200)
  })

  it('whose certificate is for another name is refused, whatever Host the client sent', async () => {
    const { port } = await tlsServer(shop)
    expect(await failure(named(port, 'other.internal'), { ca: ours.ca })).toEqual({
      ...untrusted,
      cause: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  it('may be asked for by a name that its address is not, which Host does not change', async () => {
    const { port, seen } = await tlsServer(shop)
    const tls = { ca: ours.ca, servername: 'shop.internal' }
    const check = { headers: { host: 'checked.example' } }
    const { upstreams } = await over([`https://127.0.0.1:${port}`], { tls, check })
    await ask(upstreams, { headers: { host: 'client.example' } })
    expect(seen.map(({ sni, host }) => [sni, host])).toEqual([
      ['shop.internal', 'checked.example'],
      ['shop.internal', 'client.example'],
    ])
    expect(await failure([`https://127.0.0.1:${port}`], { ca: ours.ca, servername: 'other.internal' })).toMatchObject(
      untrusted,
    )
  })

  it('at an address is verified as that address, without a name, whatever Host the client sent', async () => {
    const { port, seen } = await tlsServer(await ours.give('127.0.0.1'))
    const { upstreams } = await over([`https://127.0.0.1:${port}`], { tls: { ca: ours.ca }, check: false })
    for (const host of ['shop.internal', 'client.example', 'shop.internal']) await ask(upstreams, { headers: { host } })
    expect(seen.map(({ sni }) => sni)).toEqual([false, false, false])
    const { port: elsewhere } = await tlsServer(shop)
    expect(await failure([`https://127.0.0.1:${elsewhere}`], { ca: ours.ca })).toMatchObject(untrusted)
  })

  it('keeps its connections, whatever Host each request has', async () => {
    for (const [pair, endpoint] of [
      [shop, 'dns+https://shop.internal'],
      [await ours.give('127.0.0.1'), 'https://127.0.0.1'],
    ] as const) {
      const { port, connections } = await tlsServer(pair)
      const { upstreams } = await over([`${endpoint}:${port}`], { resolve, tls: { ca: ours.ca }, check: false })
      for (const host of ['a.example', 'b.example', 'a.example']) {
        await ask(upstreams, { headers: { host } })
        // undici frees the connection once the handler has returned.
        await setImmediate()
      }
      expect(connections()).toBe(1)
    }
  })

  it('that asks who we are gets our certificate, with checks too', async () => {
    const requires = { ...shop, ca: ours.ca, requestCert: true, rejectUnauthorized: true }
    const { port, seen } = await tlsServer(requires)
    const { upstreams } = await over(named(port), { resolve, tls: { ca: ours.ca, ...(await ours.give('balancer')) } })
    expect((await ask(upstreams)).body).toBe('served')
    expect(seen.map(({ url, client }) => [url, client])).toEqual([
      ['/ready', 'balancer'],
      ['/', 'balancer'],
    ])
  })

  it('that asks who we are and is not told breaks off, which is its doing', async () => {
    const { port, seen } = await tlsServer({ ...shop, ca: ours.ca, requestCert: true, rejectUnauthorized: true })
    expect(await failure(named(port), { ca: ours.ca })).toMatchObject({ statusCode: 502 })
    expect(await failure(named(port), { ca: ours.ca, ...strange })).toMatchObject({ statusCode: 502 })
    expect(seen).toEqual([])
  })

  it('whose certificate has expired is refused', async () => {
    const { port } = await tlsServer(await ours.give('shop.internal', -1))
    expect(await failure(named(port), { ca: ours.ca })).toEqual({ ...untrusted, cause: 'CERT_HAS_EXPIRED' })
  })

  it('that speaks no TLS is told as such', async () => {
    const port = await listening(createHttpServer((_request, response) => response.end()))
    expect(await failure(named(port), { ca: ours.ca })).toMatchObject({ type: 'tls_protocol_error', statusCode: 502 })
  })

  it('that hangs up in the handshake was sent nothing', async () => {
    const port = await listening(createNetServer((socket) => socket.once('data', () => socket.destroy())))
    const { upstreams } = await over(named(port), { resolve, check: false })
    await expect(ask(upstreams)).rejects.toMatchObject({ type: 'connection_terminated', sent: false, statusCode: 502 })
  })

  it('is verified though the environment says otherwise', async () => {
    const { port } = await tlsServer(shop)
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    onTestFinished(() => {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    })
    expect(await failure(named(port))).toMatchObject(untrusted)
  })
})

describe('TLS that cannot be', () => {
  it.each<[string, () => TlsSpec, RegExp]>([
    ['an authority that is none', () => ({ ca: 'ca.pem' }), /^tls\.ca must be PEM texts, not names of files/],
    ['no authority at all', () => ({ ca: '' }), /^tls\.ca must be PEM texts/],
    ['a certificate alone', () => ({ cert: shop.cert }), /^tls\.cert is set without tls\.key; set both, or neither$/],
    ['a key alone', () => ({ key: shop.key }), /^tls\.key is set without tls\.cert/],
    ['a certificate that is none', () => ({ ...shop, cert: 'x' }), /^tls\.cert and tls\.key must be PEM texts/],
    ['two that do not fit', () => ({ cert: shop.cert, key: strange.key }), /fit together: .*key values mismatch/],
    ['an address as name', () => ({ servername: '127.0.0.1' }), /^tls\.servername is 127\.0\.0\.1; it must be a host/],
  ])('is refused before anything begins: %s', async (_what, tls, message) => {
    await expect(over(['https://shop.internal'], { tls: tls() })).rejects.toThrow(message)
    await expect(over(['https://shop.internal'], { tls: tls() })).rejects.toThrow(TypeError)
  })
})
