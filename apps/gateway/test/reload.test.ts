/** The routes file is read again while requests pass, through `POST /admin/reload` and SIGHUP. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Gateway, keys, startGateway, until } from './gateway.ts'
import { startService } from './processes.ts'
import { type Asked, json, startUpstream, type Upstream } from './upstream.ts'

/** It answers with its name, unless told how. */
async function named(
  name: string,
  answer: (asked: Asked, response: http.ServerResponse) => void = (_, response) => response.end(name),
): Promise<Upstream> {
  const upstream = await startUpstream((asked, response) => {
    response.setHeader('x-name', name)
    answer(asked, response)
  })
  onTestFinished(() => upstream.close())
  return upstream
}

async function gatewayOf(options: Parameters<typeof startGateway>[0] = {}): Promise<Gateway> {
  const gateway = await startGateway(options)
  onTestFinished(() => gateway.close())
  return gateway
}

interface Declared {
  at: string
  to?: string
  /** Default: none. */
  cache?: string
  more?: string
}

/** A routes file: upstreams by name, and public routes of any method to them. */
function file(upstreams: Record<string, string | Upstream>, routes: readonly Declared[]): string {
  const urls = Object.entries(upstreams).map(
    ([name, to]) => `  ${name}: { endpoints: "${typeof to === 'string' ? to : to.url}" }\n`,
  )
  const declared = routes.map(
    ({ at, to = 'db', cache = 'none', more = '' }) =>
      `  - { path: '${at}', methods: [GET, POST], upstream: ${to}, auth: public, cache: ${cache}${more} }\n`,
  )
  return `upstreams:\n${urls.join('')}routes:\n${declared.join('')}`
}

async function byOf(url: string): Promise<string> {
  const { statusCode, headers, body } = await request(url)
  await body.dump()
  return `${statusCode} ${headers['x-name']}`
}

const answers = (gateway: Gateway, at: string, expected: string) =>
  until(
    () => byOf(`${gateway.url}${at}`),
    (by) => by === expected,
  )

const reloadBy = async ({ url }: Gateway, token?: string) => {
  const { statusCode, body } = await request(`${url}/admin/reload`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  return { status: statusCode, body: (await body.json()) as Record<string, unknown> }
}

describe('a reload of the routes file', () => {
  it('loses no request, whatever changes, twenty times over', async () => {
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => named(name)))
    const first = file({ db: a as Upstream }, [{ at: '/x' }])
    const gateway = await gatewayOf({ routes: first })
    await answers(gateway, '/x', '200 a')
    const agent = new Agent({ connections: 16 })
    onTestFinished(() => agent.destroy())
    const failures: unknown[] = []
    let asked = 0
    let running = true
    onTestFinished(() => {
      running = false
    })
    const load = Array.from({ length: 16 }, async (_, each) => {
      while (running) {
        try {
          const how = each % 2 === 0 ? {} : { method: 'POST' as const, body: 'x'.repeat(20_000) }
          const { statusCode, body } = await request(`${gateway.url}/x?${asked}`, { dispatcher: agent, ...how })
          const text = await body.text()
          asked++
          if (statusCode !== 200) failures.push([statusCode, text])
        } catch (error) {
          failures.push(error)
        }
      }
    })
    const all = [a, b, c].map((each) => each?.url).join(',')
    const files = [
      file({ db: b as Upstream }, [{ at: '/x' }]),
      file({ db: all, other: c as Upstream }, [{ at: '/x', to: 'other' }, { at: '/y' }]),
      file({ db: all, other: b as Upstream }, [{ at: '/{name}', to: 'other', more: ', bodyLimit: 1MiB' }]),
      file({ db: a as Upstream }, [{ at: '/{name}', more: ', timeout: 5s' }]),
      first,
    ]
    for (let time = 0; time < 20; time++) {
      const before = asked
      expect(await gateway.reload(files[time % files.length])).toMatchObject({
        outcome: 'applied',
        changes: expect.arrayContaining([expect.any(String)]),
      })
      await until(
        async () => asked,
        (now) => now > before + 50,
      )
    }
    running = false
    await Promise.all(load)
    expect(failures).toEqual([])
  }, 60_000)

  it('brings new routes and takes old ones away, from the description too', async () => {
    const a = await named('a')
    const gateway = await gatewayOf({ routes: file({ db: a }, [{ at: '/old' }]) })
    await answers(gateway, '/old', '200 a')
    const paths = async () => {
      const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as { paths: object }
      return Object.keys(paths).filter((each) => /^\/(old|new)$/.test(each))
    }
    expect(await paths()).toEqual(['/old'])
    expect(await gateway.reload(file({ db: a }, [{ at: '/new' }]))).toEqual({ outcome: 'applied', changes: ['routes'] })
    expect([await byOf(`${gateway.url}/new`), await byOf(`${gateway.url}/old`)]).toEqual(['200 a', '404 undefined'])
    expect(await paths()).toEqual(['/new'])
    expect(await gateway.reload()).toEqual({ outcome: 'applied', changes: [] })
  })

  it('lets what began before it finish: a long answer, a slow body, a tunnel', async () => {
    const arrived = Promise.withResolvers<http.ServerResponse>()
    const old = await named('old', ({ url }, response) => {
      if (url === '/long') {
        response.write('first, ')
        arrived.resolve(response)
      } else response.end('old')
    })
    old.server.on('upgrade', (_incoming, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    const fresh = await named('new')
    const gateway = await gatewayOf({
      routes: file({ db: old }, [
        { at: '/long' },
        { at: '/ws', more: ', websocket: true' },
        { at: '/body', more: ', bodyLimit: 1MiB' },
      ]),
    })
    await answers(gateway, '/body', '200 old')
    const long = await fetch(`${gateway.url}/long`)
    const upload = http.request(`${gateway.url}/body`, { method: 'POST' })
    upload.write('half')
    const upgrading = http.request(`${gateway.url}/ws`, { headers: { connection: 'upgrade', upgrade: 'websocket' } })
    upgrading.end()
    const tunnel = await new Promise<Duplex>((resolve, reject) => {
      upgrading.on('error', reject).on('upgrade', (_response, socket) => resolve(socket))
    })

    expect(await gateway.reload(file({ db: fresh }, [{ at: '/body' }]))).toMatchObject({ outcome: 'applied' })
    expect(await byOf(`${gateway.url}/body`)).toBe('200 new')
    expect(await byOf(`${gateway.url}/long`)).toBe('404 undefined')
    for (let time = 0; time < 50; time++) {
      const echoed = once(tunnel, 'data')
      tunnel.write(`ping ${time}`)
      expect(String(await echoed)).toBe(`ping ${time}`)
    }
    const uploaded = once(upload, 'response') as Promise<[http.IncomingMessage]>
    upload.end(' and half')
    const [answer] = await uploaded
    // A cluster of which only the endpoints changed is the same one.
    expect([answer.statusCode, answer.headers['x-name']]).toEqual([200, 'new'])
    answer.resume()
    ;(await arrived.promise).end('last')
    expect(await long.text()).toBe('first, last')
    tunnel.end()
    // The old endpoint has nothing more to do: its connections are closed.
    const open = () => new Promise<number>((resolve) => old.server.getConnections((_error, count) => resolve(count)))
    await until(open, (count) => count === 0)
  })

  it('lets a request use the upstream that the file names no longer', async () => {
    const [old, fresh] = await Promise.all([named('old'), named('new')])
    const gateway = await gatewayOf({
      routes: file({ db: fresh, gone: old }, [{ at: '/x', to: 'gone', more: ', bodyLimit: 1MiB' }]),
    })
    await answers(gateway, '/x', '200 old')
    const upload = http.request(`${gateway.url}/x`, { method: 'POST' })
    upload.write('half')
    await until(
      () => gateway.metric('http_server_active_requests'),
      (active) => active === 1,
    )
    expect(await gateway.reload(file({ db: fresh }, [{ at: '/x' }]))).toEqual({
      outcome: 'applied',
      changes: ['cluster gone: gone', 'routes'],
    })
    const uploaded = once(upload, 'response') as Promise<[http.IncomingMessage]>
    upload.end(' and half')
    const [answer] = await uploaded
    expect([answer.statusCode, answer.headers['x-name']]).toEqual([200, 'old'])
    answer.resume()
    expect(old.asked.at(-1)?.body).toBe('half and half')
  })

  it('refuses a file with mistakes, tells administrators all of them, and serves as before', async () => {
    const a = await named('a')
    const gateway = await gatewayOf({ routes: file({ db: a }, [{ at: '/x' }]) })
    await answers(gateway, '/x', '200 a')
    await gateway.reload(
      file({ db: a }, [
        { at: '/y', to: 'nobody' },
        { at: '/z', more: ', timout: 1s' },
      ]),
    )
    const refused = await reloadBy(gateway, gateway.token(['admin']))
    expect(refused.status).toBe(422)
    expect(refused.body).toMatchObject({
      code: 'reload_refused',
      errors: [
        { message: expect.stringMatching(/:4:\d+ routes\[0\]\.upstream is "nobody"; known upstreams are db/) },
        { message: expect.stringMatching(/:5:\d+ routes\[1\]\.timout is not a known key; did you mean timeout\?/) },
      ],
    })
    expect(await byOf(`${gateway.url}/x`)).toBe('200 a')
  })

  it('ends with the gateway', async () => {
    const a = await named('a')
    const gateway = await startGateway({ routes: file({ db: a }, [{ at: '/x' }]) })
    const reloading = gateway.reload(file({ db: 'dns+http://missing.invalid:1' }, [{ at: '/y' }]))
    await gateway.close()
    expect(await reloading).toMatchObject({ outcome: 'refused' })
  })

  it('is for administrators', async () => {
    const a = await named('a')
    const gateway = await gatewayOf({ routes: file({ db: a }, [{ at: '/x' }]) })
    expect(await reloadBy(gateway)).toMatchObject({ status: 401 })
    expect(await reloadBy(gateway, gateway.token(['editor']))).toMatchObject({ status: 403 })
    expect(await reloadBy(gateway, gateway.token(['admin']))).toEqual({ status: 200, body: { changes: [] } })
  })

  it('keeps what is cached, what is counted, and who has signed in too often', async () => {
    const cache = await startService('cache/src/main.ts')
    onTestFinished(() => cache.stop())
    const a = await named('a', ({ url }, response) => {
      if (url === '/sign-in') return json(response, 401, {})
      response.setHeader('cdn-cache-control', 'public, max-age=60')
      response.end('a')
    })
    const gateway = await gatewayOf({
      cache: cache.url,
      routes: file({ db: a }, [{ at: '/kept', cache: '{ scope: public }' }]),
      settings: { LOGINS_PER_ACCOUNT: '1' },
    })
    const ask = async () => {
      const answer = await fetch(`${gateway.url}/kept`)
      await answer.arrayBuffer()
      return answer.headers.get('cache-status')
    }
    await until(ask, (status) => status?.includes('hit') ?? false)
    const signIn = async () => {
      const answer = await fetch(`${gateway.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'ada', password: 'wrong' }),
      })
      await answer.arrayBuffer()
      return answer.status
    }
    expect([await signIn(), await signIn()]).toEqual([401, 429])
    const count = () => gateway.metric('http_server_request_duration_seconds_count{http_request_method="GET"')
    const [asked, counted] = [a.asked.length, await count()]
    expect(
      await gateway.reload(file({ db: a }, [{ at: '/kept', cache: '{ scope: public }' }, { at: '/more' }])),
    ).toMatchObject({
      outcome: 'applied',
    })
    expect(await ask()).toContain('hit')
    expect(await signIn()).toBe(429)
    expect(a.asked.length).toBe(asked)
    expect(await count()).toBe(counted + 1)
  })
})

describe('the gateway process', () => {
  it('reads the routes file again on SIGHUP, and logs what changed or why nothing did', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-reload-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const at = (name: string) => path.join(folder, name)
    const a = await named('a')
    await writeFile(at('keys.json'), keys.signing)
    await writeFile(at('routes.yaml'), file({ db: a }, [{ at: '/x' }]))
    const gateway = await startService('gateway/src/main.ts', {
      CACHE_URL: 'http://127.0.0.1:9',
      SIGNING_KEYS_FILE: at('keys.json'),
      ROUTES_FILE: at('routes.yaml'),
    })
    onTestFinished(() => gateway.stop('SIGKILL'))
    const reload = async (routes: string, msg: string) => {
      await writeFile(at('routes.yaml'), routes)
      process.kill(gateway.pid, 'SIGHUP')
      return until(
        async () => gateway.logged.findLast((line) => line['msg'] === msg),
        (line) => line !== undefined,
      )
    }
    expect(await reload(file({ db: a }, [{ at: '/y' }]), 'reloaded')).toMatchObject({ changes: ['routes'] })
    await until(
      () => byOf(`${gateway.url}/y`),
      (by) => by === '200 a',
    )
    expect(await byOf(`${gateway.url}/x`)).toBe('404 undefined')
    const refused = await reload('upstreams: {}\nroutes: []\n', 'the reload is refused; all stays as it was')
    expect(refused).toMatchObject({
      mistakes: [
        expect.stringMatching(/:1:\d+ upstreams lacks db/),
        expect.stringMatching(/:2:\d+ routes is \[\]; it must be a list of at least one route/),
      ],
    })
    expect(await byOf(`${gateway.url}/y`)).toBe('200 a')
  })
})
