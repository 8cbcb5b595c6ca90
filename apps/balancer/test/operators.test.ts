import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { balancer, echo, gateway } from './world.ts'

interface Endpoint {
  id: string
  origin: string
  [field: string]: unknown
}

/** A balancer before so many gateways, and its operators' port as `curl --json` asks it. */
async function operated(count: number, settings: Record<string, unknown> = {}) {
  const gateways = await Promise.all(Array.from({ length: count }, () => gateway(echo)))
  const world = await balancer(
    gateways.map(({ origin }) => origin),
    settings,
  )
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => {
    const json = method === 'GET' ? {} : { headers: { 'content-type': 'application/json' } }
    const answer = await request(world.adminUrl + path, { method, ...json, body: body ? JSON.stringify(body) : null })
    return { status: answer.statusCode, headers: answer.headers, body: (await answer.body.json()) as never }
  }
  const endpoints = async () => ((await ask('GET', '/upstreams')).body as { endpoints: Endpoint[] }).endpoints
  /** By origin, how many of so many requests each gateway had. */
  const shares = async (requests: number) => {
    const before = world.upstreams.endpoints()
    for (let i = 0; i < requests; i++) await (await request(world.url)).body.dump()
    return world.upstreams.endpoints().map((endpoint, at) => endpoint.requests - (before[at]?.requests ?? 0))
  }
  return { ...world, gateways, ask, endpoints, shares }
}

describe('GET /upstreams', () => {
  it('has everything that is known of an endpoint, and an id that is the same after a restart', async () => {
    const { ask, endpoints, shares, upstreams, gateways } = await operated(2)
    await shares(4)
    const known = await endpoints()
    expect(known.map(({ origin }) => origin)).toEqual(gateways.map(({ origin }) => origin))
    for (const [at, view] of upstreams.endpoints().entries()) {
      const defined = Object.keys(view).filter((field) => view[field as keyof typeof view] !== undefined)
      expect(Object.keys(known[at] as Endpoint).toSorted()).toEqual([...defined, 'id', 'cluster'].toSorted())
    }
    const [{ id }, other] = known as [Endpoint, Endpoint]
    expect(id).toMatch(/^[0-9a-f]{12}$/)
    expect(other.id).not.toBe(id)
    const alone = await ask('GET', `/upstreams/${id}`)
    expect(alone.body).toMatchObject({ id, cluster: 'gateway', requests: 2 })
    expect(alone.headers['cache-control']).toBe('no-store')

    const again = await balancer(gateways.map(({ origin }) => origin))
    expect(await (await request(`${again.adminUrl}/upstreams/${id}`)).body.json()).toMatchObject({ id, requests: 0 })
  })

  it('of an id that is none is a problem', async () => {
    const { ask } = await operated(1)
    for (const [method, path] of [
      ['GET', '/upstreams/0123456789ab'],
      ['POST', '/upstreams/0123456789ab/drain'],
      ['POST', '/upstreams/%00/eject'],
    ] as const) {
      expect(await ask(method, path)).toMatchObject({ status: 404, body: { code: 'upstream_unknown' } })
    }
  })
})

describe('an operator', () => {
  it('drains an endpoint: no request comes to it any more, and the one it has ends', async () => {
    const { ask, endpoints, shares, url, upstreams } = await operated(2)
    const arrived = Promise.withResolvers<() => void>()
    const slow = await gateway((_incoming, response) => arrived.resolve(() => response.end('at last')))
    const world = await balancer([slow.origin])
    const under = request(world.url)
    const finish = await arrived.promise
    const report = await (await request(`${world.adminUrl}/upstreams`)).body.json()
    const slowId = (report as { endpoints: Endpoint[] }).endpoints[0]?.id
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } } as const
    const drained = await request(`${world.adminUrl}/upstreams/${slowId}/drain`, post)
    expect(await drained.body.json()).toMatchObject({
      intent: 'draining',
      drained: true,
      available: false,
      inFlight: 1,
    })
    expect((await request(world.url)).statusCode).toBe(503)
    finish()
    expect(await (await under).body.text()).toBe('at last')

    const [{ id }] = (await endpoints()) as [Endpoint]
    await ask('POST', `/upstreams/${id}/drain`)
    expect(await shares(6)).toEqual([0, 6])
    expect((await request(url)).statusCode).toBe(200)
    const back = await ask('POST', `/upstreams/${id}/undrain`)
    expect(back).toMatchObject({ status: 200, body: { id, intent: 'active', drained: false, available: true } })
    expect((await shares(6))[0]).toBeGreaterThan(0)
    expect(upstreams.available).toBe(2)
  })

  it('ejects one that is up, and takes that back', async () => {
    const { ask, endpoints, shares } = await operated(2)
    const [{ id }] = (await endpoints()) as [Endpoint]
    const ejected = await ask('POST', `/upstreams/${id}/eject`, {})
    expect(ejected.body).toMatchObject({ condition: 'ejected', reason: 'by an operator', ejectedForS: 30 })
    expect(await shares(4)).toEqual([0, 4])
    expect((await ask('POST', `/upstreams/${id}/undrain`)).body).toMatchObject({ condition: 'up' })
  })

  it('gives one another weight', async () => {
    const { ask, endpoints, shares } = await operated(2)
    const [{ id }] = (await endpoints()) as [Endpoint]
    expect((await ask('POST', `/upstreams/${id}/weight`, { weight: 3 })).body).toMatchObject({ id, weight: 3 })
    expect(await shares(16)).toEqual([12, 4])
  })

  it.for([
    [{}, '/weight is missing'],
    [undefined, '/weight is missing'],
    [{ weight: 0 }, '/weight must be > 0'],
    [{ weight: 1001 }, '/weight must be <= 1000'],
    [{ weight: '2' }, '/weight must be number'],
    [{ weight: 2, wieght: 3 }, '/wieght is not known here; known are weight'],
  ] as const)('is told what is wrong with the weight %o', async ([body, fault]) => {
    const { ask, endpoints, upstreams } = await operated(1)
    const [{ id }] = (await endpoints()) as [Endpoint]
    const answer = await ask('POST', `/upstreams/${id}/weight`, body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', detail: `body${fault}` } })
    expect(upstreams.endpoints()).toMatchObject([{ weight: 1 }])
  })

  it('changes the policy while requests pass, of one cluster or of all, and nothing is forgotten', async () => {
    const { ask, endpoints, shares } = await operated(2)
    await shares(4)
    expect((await ask('GET', '/policy')).body).toEqual({ gateway: 'round-robin' })
    expect(await ask('PUT', '/policy', { policy: 'random' })).toMatchObject({
      status: 200,
      body: { gateway: 'random' },
    })
    const named = await ask('PUT', '/policy?cluster=gateway', { policy: 'least-latency' })
    expect(named.body).toEqual({ gateway: 'least-latency' })
    expect((await endpoints()).map(({ requests }) => requests)).toEqual([2, 2])
    expect((await shares(10)).toSorted((a, b) => a - b)).not.toEqual([5, 5])

    const unknown = await ask('PUT', '/policy?cluster=shop', { policy: 'random' })
    expect(unknown.body).toMatchObject({ code: 'cluster_unknown', detail: '"shop" is no cluster; there are gateway' })
    const slip = await ask('PUT', '/policy', { policy: 'fastest' })
    expect(slip.body).toMatchObject({
      detail: expect.stringMatching(/^body\/policy must be one of round-robin, random,/),
    })
    expect((await ask('PUT', '/policy?clutser=x', { policy: 'random' })).status).toBe(400)
    expect((await ask('GET', '/policy')).body).toEqual({ gateway: 'least-latency' })
  })

  it('may choose hash, and each path keeps to an endpoint though nobody configured a key', async () => {
    const { ask, url, upstreams } = await operated(3)
    await ask('PUT', '/policy', { policy: 'hash' })
    const at = async (path: string) => ((await (await request(url + path)).body.json()) as { url: string }).url
    for (const path of ['/a', '/b?x=1', '/c']) {
      const before = upstreams.endpoints().map(({ requests }) => requests)
      for (let i = 0; i < 8; i++) expect(await at(path)).toBe(path)
      const had = upstreams.endpoints().map(({ requests }, each) => requests - (before[each] ?? 0))
      expect(had.toSorted()).toEqual([0, 0, 8])
    }
  })
})
