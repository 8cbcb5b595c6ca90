import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { retry } from '../src/index.ts'
import { cert, key } from './certificate.ts'
import { ask, named, over, type Upstream, until, upstream } from './servers.ts'

type Listener = Parameters<typeof upstream>[0]

/** A server at each of three loopback addresses, all at one port, and a resolver that names those it is told to. */
async function replicas(listener?: (host: string) => Listener) {
  const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
  const answering =
    listener ??
    ((host: string): Listener =>
      (_request, response) =>
        void response.end(host))
  const servers = await atOnePort((host, port) => upstream(answering(host), { host, port }), hosts)
  const answers: { now: readonly string[] | Error; asked: number } = { now: [], asked: 0 }
  const resolve = async () => {
    answers.asked++
    if (answers.now instanceof Error) throw answers.now
    return answers.now
  }
  const { port } = new URL(servers[0].origin)
  return { servers, answers, resolve, name: `spillway.test:${port}`, entry: `dns+http://spillway.test:${port}` }
}

/** The system chooses a port for the first, which somebody may have at another address. */
async function atOnePort(listen: (host: string, port: number) => Promise<Upstream>, hosts: readonly string[]) {
  const [first = '', ...others] = hosts
  for (;;) {
    const one = await listen(first, 0)
    const port = Number(new URL(one.origin).port)
    try {
      return [one, ...(await Promise.all(others.map((host) => listen(host, port))))] as [Upstream, Upstream, Upstream]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

const missing = () => Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })

describe('a name in DNS', { timeout: 60_000 }, () => {
  it('is an endpoint for each address; until the first answer requests get 503', async () => {
    const { servers, answers, resolve, entry, name } = await replicas((host) => (request, response) => {
      response.end(`${host} ${request.headers.host}`)
    })
    const { upstreams, transitions } = await over([entry], { usable: 0, resolve })
    expect(upstreams.endpoints()).toEqual([])
    await expect(ask(upstreams)).rejects.toMatchObject({ type: 'destination_unavailable', statusCode: 503 })
    answers.now = ['127.0.0.1', '127.0.0.2', '127.0.0.2']
    await until(() => upstreams.available === 2)
    const given = [await ask(upstreams), await ask(upstreams)]
    expect(given.map(({ body }) => body).sort()).toEqual([`127.0.0.1 ${name}`, `127.0.0.2 ${name}`])
    expect(given.map(({ exchange }) => exchange.endpoint).sort()).toEqual([servers[0].origin, servers[1].origin])
    expect(transitions.slice(0, 2)).toEqual([
      '0 unknown -> unresolved: no address',
      '0 unresolved -> resolved: DNS answers',
    ])
    expect(transitions.slice(2).sort()).toEqual([
      ...Array(2).fill('-1 absent -> starting: DNS names it'),
      ...Array(2).fill('-1 starting -> up: its checks pass'),
    ])
  })

  it('takes in replicas that come and lets go those that leave, at no request’s cost', {
    timeout: 60_000,
  }, async () => {
    const { servers, answers, resolve, entry } = await replicas((host) => (_request, response) => {
      setTimeout(() => response.end(host), 5)
    })
    answers.now = ['127.0.0.1']
    const { upstreams } = await over([entry], { usable: 1, resolve })
    const dispatcher = upstreams.compose(retry())
    let loading = true
    const failures: unknown[] = []
    const load = Array.from({ length: 16 }, async () => {
      // POST: none of them may be sent twice once it was begun.
      while (loading) await ask(dispatcher, { method: 'POST' }).catch((error) => failures.push(error))
    })
    answers.now = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    await until(() => servers.every(({ seen }) => seen.length > 20))
    const [first, ...newcomers] = upstreams.endpoints().map(({ ramp }) => ramp)
    expect(first).toBe(1)
    for (const ramp of newcomers) expect(ramp).toBeLessThan(1)
    answers.now = ['127.0.0.3', '127.0.0.2']
    await until(() => upstreams.endpoints().length === 2)
    const origins = upstreams.endpoints().map(({ origin }) => origin)
    expect(origins).toEqual([servers[1].origin, servers[2].origin])
    await expect.poll(() => promisify(servers[0].server.getConnections).call(servers[0].server)).toBe(0)
    const [gone, ...left] = servers.map(({ seen }) => seen.length)
    await until(() => servers.slice(1).every(({ seen }, index) => seen.length > (left[index] ?? 0) + 20))
    expect(servers[0].seen).toHaveLength(gone ?? 0)
    loading = false
    await Promise.all(load)
    expect(failures).toEqual([])
  })

  it('lets an endpoint that leaves finish what it has, and the same address come back meanwhile', async () => {
    const held: (() => void)[] = []
    const { servers, answers, resolve, entry } = await replicas((host) => (request, response) => {
      if (request.url !== '/slow') return void response.end(host)
      response.write('begun, ')
      held.push(() => response.end('finished'))
    })
    answers.now = ['127.0.0.1']
    const { upstreams } = await over([entry], { usable: 1, resolve })
    const slow = ask(upstreams, { path: '/slow' })
    await until(() => held.length === 1)
    answers.now = ['127.0.0.2']
    await until(() => upstreams.endpoints()[0]?.origin === servers[1].origin && upstreams.available === 1)
    expect((await ask(upstreams)).body).toBe('127.0.0.2')
    answers.now = ['127.0.0.1']
    await until(() => upstreams.endpoints()[0]?.origin === servers[0].origin && upstreams.available === 1)
    expect((await ask(upstreams)).body).toBe('127.0.0.1')
    expect(upstreams.endpoints()).toMatchObject([{ inFlight: 0, requests: 1 }])
    held[0]?.()
    expect(await slow).toMatchObject({ status: 200, body: 'begun, finished' })
    expect(upstreams.endpoints()).toMatchObject([{ inFlight: 0, requests: 1 }])
  })

  it('keeps an upgraded connection to an endpoint that left, until all is closed', async () => {
    const { servers, answers, resolve, entry } = await replicas()
    servers[0].server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
      socket.pipe(socket)
    })
    answers.now = ['127.0.0.1']
    const { upstreams } = await over([entry], { usable: 1, resolve })
    const { socket } = await upstreams.upgrade({ path: '/', protocol: 'echo' })
    const heard: string[] = []
    socket.on('data', (chunk) => heard.push(String(chunk)))
    answers.now = ['127.0.0.2']
    await until(() => upstreams.endpoints()[0]?.origin === servers[1].origin)
    socket.write('still here')
    await until(() => heard.join('') === 'still here')
    const closed = once(socket, 'close')
    await upstreams.close()
    await closed
  })

  it('keeps its endpoints for 30 s while nobody resolves it, and no longer', async () => {
    const { answers, resolve, entry } = await replicas()
    let skipped = 0
    answers.now = ['127.0.0.1', '127.0.0.2']
    const clock = () => performance.now() + skipped
    const { upstreams, transitions } = await over([entry], { usable: 2, resolve, clock })
    answers.now = missing()
    await until(() => transitions.includes('0 resolved -> unresolved: ENOTFOUND'))
    const { asked } = answers
    await until(() => answers.asked > asked + 2)
    expect(upstreams.available).toBe(2)
    skipped = 30_000
    await until(() => upstreams.endpoints().length === 0)
    await expect(ask(upstreams)).rejects.toMatchObject({ type: 'destination_unavailable' })
    answers.now = ['127.0.0.3']
    await until(() => upstreams.available === 1)
    expect((await ask(upstreams)).body).toBe('127.0.0.3')
  })

  it('stands beside plain origins, and an address that is one of them already is no second endpoint', async () => {
    const { servers, answers, resolve, entry } = await replicas()
    answers.now = ['127.0.0.1', '127.0.0.2']
    const { upstreams } = await over([servers[0].origin, entry], { resolve })
    const bodies = [await ask(upstreams), await ask(upstreams)].map(({ body }) => body)
    expect(bodies.sort()).toEqual(['127.0.0.1', '127.0.0.2'])
    expect(upstreams.endpoints()).toHaveLength(2)
  })

  it('brings endpoints up at once where nothing is checked', async () => {
    const { answers, resolve, entry } = await replicas()
    answers.now = ['127.0.0.1']
    const { transitions } = await over([entry], { resolve, check: false })
    expect(transitions).toEqual(['0 unknown -> resolved: DNS answers', '-1 absent -> up: DNS names it'])
  })

  it('may be localhost, as the system knows it', async () => {
    const { origin } = await named('here')
    const { port } = new URL(origin)
    const { upstreams } = await over([`dns+http://localhost:${port}`])
    expect((await ask(upstreams)).body).toBe('here')
    expect(upstreams.endpoints()).toContainEqual(expect.objectContaining({ origin, condition: 'up' }))
  })

  it.each(['close', 'destroy'])('keeps no process alive after %s', async (end) => {
    const { origin } = await named('here')
    const { port } = new URL(origin)
    const script = `
      import { Upstreams } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      const endpoints = ['dns+http://found.test:${port}', 'dns+http://missing.test']
      const resolve = async (name) => (name === 'found.test' ? ['127.0.0.1'] : [])
      const upstreams = new Upstreams({ name: 'test', endpoints, policy: 'round-robin', resolve })
      while (upstreams.available === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      await upstreams.${end}()
      process.stdout.write('over')`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const said = text(child.stdout)
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(await said).toBe('over')
  })
})

describe('an https name in DNS', () => {
  /** A server whose certificate is for `spillway.test`, and who it was asked to be. */
  async function tlsServer() {
    const trusted = getCACertificates('default')
    setDefaultCACertificates([...trusted, cert])
    onTestFinished(() => setDefaultCACertificates(trusted))
    const asked = new Set<string>()
    const server = createTlsServer({ cert, key }, (request, response) => response.end(request.headers.host))
    server.on('secureConnection', ({ servername }) => asked.add(String(servername)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return { port: (server.address() as AddressInfo).port, asked }
  }
  const resolve = async () => ['127.0.0.1']

  it('is verified by its name, whatever Host the client sent', async () => {
    const { port, asked } = await tlsServer()
    const { upstreams } = await over([`dns+https://spillway.test:${port}`], { resolve })
    expect((await ask(upstreams)).body).toBe(`spillway.test:${port}`)
    expect((await ask(upstreams, { headers: { host: 'client.example' } })).body).toBe('client.example')
    expect([...asked]).toEqual(['spillway.test'])
    expect(upstreams.endpoints()).toMatchObject([{ origin: `https://127.0.0.1:${port}`, failures: 0 }])
  })

  it('is refused where the certificate is for somebody else', async () => {
    const { port } = await tlsServer()
    const { upstreams } = await over([`dns+https://other.test:${port}`], { resolve, check: false })
    const asking = ask(upstreams, { headers: { host: 'spillway.test' } })
    await expect(asking).rejects.toMatchObject({ type: 'tls_certificate_error', statusCode: 502 })
  })
})

it('an endpoint that is none is refused by its spelling', () => {
  const wrong = over(['dns+ftp://a'])
  return expect(wrong).rejects.toThrow('dns+ftp://a must be an origin such as')
})
