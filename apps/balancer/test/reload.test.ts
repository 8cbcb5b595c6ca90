import { once } from 'node:events'
import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { ClusterTransition } from '@spillway/clusters'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { balancerByFile, echo, gateway, main } from './world.ts'

const list = (origins: readonly string[]) => `[${origins.map((origin) => `'${origin}'`).join(', ')}]`
const one = (origins: readonly string[], more = '', routes = '[{ to: shop }]') =>
  `clusters:\n  shop: { endpoints: ${list(origins)}${more} }\nroutes: ${routes}\n`

const named = async (name: string) =>
  (
    await gateway((incoming, response) => {
      response.setHeader('x-name', name)
      void echo(incoming, response)
    })
  ).origin

async function byOf(url: string) {
  const { statusCode, headers, body } = await request(url)
  await body.dump()
  return `${statusCode} ${headers['x-name']}`
}

describe('a reload', () => {
  it('loses no request, whatever changes, twenty times over', async () => {
    const origins = await Promise.all(['a', 'b', 'c'].map(named))
    const [a = '', b = '', c = ''] = origins
    const { url, reload, write } = await balancerByFile(one(origins))
    const agent = new Agent({ connections: 32 })
    onTestFinished(() => agent.destroy())
    const failures: unknown[] = []
    let asked = 0
    let running = true
    const load = Array.from({ length: 32 }, async (_, each) => {
      while (running) {
        try {
          const how = each % 2 === 0 ? {} : { method: 'POST' as const, body: 'x'.repeat(20_000) }
          const { statusCode, body } = await request(`${url}/api/x`, { dispatcher: agent, ...how })
          const text = await body.text()
          asked++
          if (statusCode !== 200) failures.push([statusCode, text])
        } catch (error) {
          failures.push(error)
        }
      }
    })
    const files = [
      one([a, b]),
      one([b, c], ', policy: round-robin'),
      one([c], ', check: { path: /ready, status: [200] }'),
      one(origins, ', check: false', '[{ path: /api, to: shop }, { to: shop }]'),
      `clusters:\n  other: { endpoints: ${list([a])} }\n  shop: { endpoints: ${list(origins)} }\nroutes: [{ to: { shop: 1, other: 1 } }]\n`,
    ]
    for (let time = 0; time < 20; time++) {
      const before = asked
      await write(files[time % files.length] as string)
      expect(await reload()).toMatchObject({
        outcome: 'applied',
        changes: expect.arrayContaining([expect.any(String)]),
      })
      await expect.poll(() => asked, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before + 100)
    }
    running = false
    await Promise.all(load)
    expect(failures).toEqual([])
  }, 60_000)

  it('leaves a cluster alone of which nothing changed, and tells what did', async () => {
    const [a = '', b = ''] = await Promise.all(['a', 'b'].map(named))
    const text = (endpoints: string[], path: string) =>
      `clusters:\n  shop: { endpoints: ${list([a])} }\n  other: { endpoints: ${list(endpoints)} }\nroutes: [{ path: ${path}, to: other }, { to: shop }]\n`
    const { url, clusters, reload, write } = await balancerByFile(text([a], '/x'))
    for (let i = 0; i < 3; i++) await byOf(url)
    const [shop, other] = clusters.all()
    expect(await reload()).toEqual({ outcome: 'applied', changes: [] })
    expect(clusters.all()[1]).toBe(other)

    const heard: ClusterTransition[] = []
    clusters.events.on('transition', (transition) => heard.push(transition))
    await write(text([b], '/y'))
    expect(await reload()).toEqual({ outcome: 'applied', changes: ['cluster other: endpoints', 'routes'] })
    expect(clusters.all()[0]).toBe(shop)
    expect(shop?.upstreams.endpoints()).toMatchObject([{ origin: a, requests: 3 }])
    expect([await byOf(`${url}/x`), await byOf(`${url}/y`)]).toEqual(['200 a', '200 b'])
    expect(heard).toContainEqual(expect.objectContaining({ upstream: 'other', endpoint: a, to: 'absent' }))
    expect(heard).toContainEqual(expect.objectContaining({ upstream: 'other', endpoint: b, to: 'up' }))
  })

  it('of who the endpoints are keeps the cluster, what is known of those that stay, and what operators did to them', async () => {
    const [a = '', b = '', c = ''] = await Promise.all(['a', 'b', 'c'].map(named))
    const { url, clusters, reload, write } = await balancerByFile(one([a, b], ', policy: round-robin'))
    for (let i = 0; i < 4; i++) await byOf(url)
    const upstreams = clusters.all()[0]?.upstreams
    upstreams?.drain(a)
    await write(one([c, a], ', policy: round-robin'))
    expect(await reload()).toEqual({ outcome: 'applied', changes: ['cluster shop: endpoints'] })
    expect(clusters.all()[0]?.upstreams).toBe(upstreams)
    expect(upstreams?.endpoints()).toMatchObject([
      { origin: a, requests: 2, drained: true },
      { origin: c, condition: 'up' },
    ])
    expect(await byOf(url)).toBe('200 c')
    // Another `max` is another endpoint, so the cluster is another one.
    await write(
      `clusters: { shop: { endpoints: [{ url: '${a}', max: 5 }, '${c}'], policy: round-robin } }\nroutes: [{ to: shop }]\n`,
    )
    expect(await reload()).toMatchObject({ outcome: 'applied' })
    expect(clusters.all()[0]?.upstreams).not.toBe(upstreams)
  })

  it('refuses a file with mistakes, tells them all, and changes nothing', async () => {
    const { url, clusters, reload, write, file } = await balancerByFile(one([await named('a')]))
    const before = clusters.all()
    await write('clusters:\n  shop: { endpoints: [a], polcy: hash }\nroutes: [{ to: shpo }]\n')
    expect(await reload()).toEqual({
      outcome: 'refused',
      mistakes: [
        expect.stringContaining(`${file}:2:23 clusters.shop.endpoints[0] is "a"; it must be an origin such as`),
        `${file}:2:27 clusters.shop.polcy is not a known key; did you mean policy?`,
        `${file}:3:16 routes[0].to is "shpo"; known clusters are shop`,
      ],
    })
    expect(clusters.all()).toEqual(before)
    expect(await byOf(url)).toBe('200 a')
  })

  it('lets what leaves finish: an answer, and a tunnel', async () => {
    const arrived = Promise.withResolvers<() => void>()
    const old = await gateway((_incoming, response) => arrived.resolve(() => response.end('at last')))
    old.server.on('upgrade', (_incoming, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    const { url, clusters, reload, write } = await balancerByFile(one([old.origin]))
    const slow = request(url)
    const finish = await arrived.promise
    const upgrading = http.request(url, { headers: { connection: 'upgrade', upgrade: 'websocket' } }).end()
    const tunnel = await new Promise<Duplex>((resolve, reject) => {
      upgrading.on('error', reject).on('upgrade', (_response, socket) => resolve(socket))
    })
    const [before] = clusters.all()
    await write(one([await named('new')]))
    expect(await reload()).toMatchObject({ outcome: 'applied' })
    expect(await byOf(url)).toBe('200 new')
    finish()
    expect(await (await slow).body.text()).toBe('at last')
    // Not with the last request: the tunnel would be cut by now.
    for (let time = 0; time < 50; time++) {
      const echoed = once(tunnel, 'data')
      tunnel.write(`ping ${time}`)
      expect(String(await echoed)).toBe(`ping ${time}`)
    }
    tunnel.end()
    // The old endpoint has nothing more to do: its connections are closed.
    const open = () => new Promise<number>((resolve) => old.server.getConnections((_error, count) => resolve(count)))
    await expect.poll(open, { timeout: 10_000 }).toBe(0)
    expect(before?.upstreams.endpoints()).not.toContainEqual(expect.objectContaining({ inFlight: 1 }))
  })

  it('of new endpoints that are down is applied all the same', async () => {
    const { url, reload, write } = await balancerByFile(one([await named('a')]))
    await write(one(['http://127.0.0.1:9']))
    expect(await reload()).toEqual({ outcome: 'applied', changes: ['cluster shop: endpoints'] })
    expect(await byOf(url)).toBe('503 undefined')
  })

  it('ends with the balancer', async () => {
    const { clusters, reload, write } = await balancerByFile(one([await named('a')]))
    await write(one(['dns+http://missing.invalid:1']))
    const reloading = reload()
    await clusters.close()
    expect(await reloading).toMatchObject({ outcome: 'refused' })
  })

  it('forgets in metrics what is gone', async () => {
    const [a = '', b = ''] = await Promise.all(['a', 'b'].map(named))
    const { url, adminUrl, reload, write } = await balancerByFile(one([a]))
    await byOf(url)
    await write(one([b]))
    await reload()
    await byOf(url)
    const metrics = await (await request(`${adminUrl}/metrics`)).body.text()
    expect(metrics).toContain(`spillway_upstream_requests_total{upstream="shop",endpoint="${b}"} 1`)
    expect(metrics).not.toContain(`upstream="shop",endpoint="${a}"`)
  })
})

describe('the balancer as a process with a file', () => {
  it('does not start with a bad one, and says why, a line each', async () => {
    const { file } = await balancerByFile('clusters: {}\nroutes: [{ answer: {} }]\n')
    const { ended } = await main({ BALANCER_FILE: `${file}.gone` })
    expect(await ended).toEqual({
      code: 1,
      complaint: expect.stringMatching(/BALANCER_FILE is ".*", which cannot be read/),
    })
  })

  it('reads it again on SIGHUP, and logs what changed or why nothing did', async () => {
    const [a = '', b = ''] = await Promise.all(['a', 'b'].map(named))
    const { file, write } = await balancerByFile(one([a]))
    const { url, child, lines } = await main({ BALANCER_FILE: file })
    const logged = (msg: string) => lines.findLast((line) => line['msg'] === msg)
    await expect.poll(() => byOf(url)).toBe('200 a')
    await write(one([b]))
    child.kill('SIGHUP')
    await expect
      .poll(() => logged('reloaded'), { timeout: 5000 })
      .toMatchObject({ changes: ['cluster shop: endpoints'] })
    expect(await byOf(url)).toBe('200 b')
    await write('clusters: {}\nroutes: []\n')
    child.kill('SIGHUP')
    await expect
      .poll(() => logged('the reload is refused; all stays as it was'), { timeout: 5000 })
      .toMatchObject({ mistakes: [`${file}:2:9 routes is []; it must be a list of at least one route`] })
    expect(await byOf(url)).toBe('200 b')
  })
})
