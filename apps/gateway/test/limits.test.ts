/** Limits of routes as callers meet them: at one gateway, and over three that share the cache service. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until, usable } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}", check: none }
routes:
  - { path: /mine, methods: [GET], upstream: db, auth: signed-in, cache: none, limit: { requests: 60, per: 1h, burst: 2 } }
  - { path: /open, methods: [GET], upstream: db, auth: public, cache: none, limit: { requests: 3, per: 1h } }
  - { path: /keyed, methods: [GET], upstream: db, auth: public, cache: none, limit: { requests: 2, per: 1h, by: "header:X-Key" } }
  - { path: /all, methods: [GET], upstream: db, auth: public, cache: none, limit: { requests: 3, per: 1h, by: route } }
  - path: /several
    methods: [GET]
    upstream: db
    auth: signed-in
    cache: none
    limit: [{ requests: 3, per: 1h, by: route }, { requests: 2, per: 1h, by: user }, { requests: 100, per: 24h, by: user }]
  - { path: /kept, methods: [GET], upstream: db, auth: public, cache: { scope: public, ttl: 1m }, limit: { requests: 3, per: 1h } }
  - { path: /mounted, methods: [GET], upstream: db, auth: public, mount: /behind, limit: { requests: 1, per: 1h } }
  - { path: /busy, methods: [GET], upstream: db, auth: public, cache: none, limit: { requests: 100, per: 10s, by: route } }
  - { path: /free, methods: [GET], upstream: db, auth: public, cache: none }
`

let upstream: Upstream

beforeAll(async () => {
  upstream = await startUpstream(({ url }, response) => {
    if (url === '/sign-in') return json(response, 401, {})
    response.setHeader('ratelimit', '"theirs";r=7;t=1')
    json(response, 200, {})
  })
})
afterAll(() => upstream.close())

describe('a gateway', () => {
  let gateway: Gateway

  beforeEach(async () => {
    // Away: so that nothing is left of the test before.
    gateway = await startGateway({ db: upstream.url, routes })
  })
  afterEach(() => gateway.close())

  const get = (path: string, headers: Record<string, string> = {}) => fetch(gateway.url + path, { headers })
  const as = (subject: string) => ({ authorization: `Bearer ${gateway.token(['reader'], subject)}` })
  const statuses = async (count: number, path: string, headers: Record<string, string> = {}) => {
    const seen: number[] = []
    for (let n = 0; n < count; n++) seen.push((await get(path, headers)).status)
    return seen
  }

  it('tells each caller where he stands, and refuses whoever asks too often until he may again', async () => {
    const first = await get('/mine', as('ada'))
    expect(first.status).toBe(200)
    expect(first.headers.get('ratelimit-policy')).toBe('"user";q=60;w=3600')
    expect(first.headers.get('ratelimit')).toBe('"theirs";r=7;t=1, "user";r=1;t=60')
    expect((await get('/mine', as('ada'))).headers.get('ratelimit')).toContain('"user";r=0;t=120')
    const refused = await get('/mine', as('ada'))
    expect(refused.status).toBe(429)
    expect(refused.headers.get('ratelimit')).toBe('"user";r=0;t=120')
    expect(refused.headers.get('ratelimit-policy')).toBe('"user";q=60;w=3600')
    const after = Number(refused.headers.get('retry-after'))
    expect(after).toBeGreaterThan(50)
    expect(after).toBeLessThanOrEqual(60)
    expect(await refused.json()).toMatchObject({
      code: 'limit_exceeded',
      detail: `the limit by user is 60 in 3600 s; try again in ${after} s`,
    })
    expect(await statuses(1, '/mine', as('grace'))).toEqual([200])
  })

  it('counts nobody who is not let in, and nothing on routes without a limit', async () => {
    expect(await statuses(4, '/mine')).toEqual([401, 401, 401, 401])
    expect(await statuses(1, '/mine', as('ada'))).toEqual([200])
    expect((await get('/free')).headers.get('ratelimit-policy')).toBeNull()
  })

  it('counts by the address that a trusted proxy names, IPv6 by /64', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': address })
    expect(await statuses(4, '/open', from('203.0.113.9'))).toEqual([200, 200, 200, 429])
    expect(await statuses(1, '/open', from('203.0.113.9, 198.51.100.7'))).toEqual([200])
    expect(await statuses(1, '/open', from('::ffff:203.0.113.9'))).toEqual([429])
    expect(await statuses(2, '/open', from('2001:db8::1'))).toEqual([200, 200])
    expect(await statuses(2, '/open', from('2001:db8::a:b:c:d'))).toEqual([200, 429])
    expect(await statuses(1, '/open', from('2001:db8:0:1::1'))).toEqual([200])
  })

  it('believes no address that a stranger names', async () => {
    const strict = await startGateway({ db: upstream.url, routes, settings: { TRUSTED_PROXIES: '192.0.2.1' } })
    const seen: number[] = []
    for (let n = 0; n < 4; n++) {
      seen.push((await fetch(`${strict.url}/open`, { headers: { 'x-forwarded-for': `203.0.113.${n}` } })).status)
    }
    expect(seen).toEqual([200, 200, 200, 429])
    await strict.close()
  })

  it('counts by a field, or all callers together', async () => {
    expect(await statuses(3, '/keyed', { 'x-key': 'one' })).toEqual([200, 200, 429])
    expect(await statuses(3, '/keyed', { 'x-key': 'two' })).toEqual([200, 200, 429])
    expect(await statuses(3, '/keyed')).toEqual([200, 200, 429])
    expect(await statuses(2, '/all', { 'x-forwarded-for': '203.0.113.1' })).toEqual([200, 200])
    expect(await statuses(2, '/all', { 'x-forwarded-for': '203.0.113.2' })).toEqual([200, 429])
  })

  it('takes nothing of what all share from whom his own limit stops', async () => {
    expect(await statuses(5, '/several', as('ada'))).toEqual([200, 200, 429, 429, 429])
    const last = await get('/several', as('grace'))
    expect(last.status).toBe(200)
    expect(last.headers.get('ratelimit-policy')).toBe('"user";q=2;w=3600, "user-2";q=100;w=86400, "route";q=3;w=3600')
    expect(last.headers.get('ratelimit')).toContain('"user";r=1;t=1800, "user-2";r=99;t=864, "route";r=0;t=3600')
    expect((await get('/several', as('grace'))).headers.get('ratelimit')).toContain('"route";r=0')
  })

  it('counts what is mounted', async () => {
    expect(await statuses(2, '/mounted/here')).toEqual([200, 429])
  })

  it('counts in /metrics what it let pass and what not', async () => {
    await statuses(4, '/all')
    const counted = (outcome: string) =>
      gateway.metric(`spillway_gateway_limit_requests_total{route="GET /all",by="route",outcome="${outcome}"}`)
    expect(await Promise.all([counted('allowed'), counted('limited')])).toEqual([3, 1])
    expect(await gateway.metric('spillway_gateway_limit_alone_total')).toBe(4)
    expect(await gateway.metric('spillway_gateway_limit_keys')).toBe(1)
  })
})

describe('three gateways', () => {
  let service: Service
  let gateways: Gateway[]

  beforeEach(async () => {
    service = await startService('cache/src/main.ts')
    const start = (instance: string) =>
      startGateway({ db: upstream.url, cache: service.url, instance, routes, settings: { LOGINS_PER_ACCOUNT: '4' } })
    gateways = await Promise.all(['gateway-1', 'gateway-2', 'gateway-3'].map(start))
    await Promise.all(gateways.map(usable))
  })
  afterEach(async () => {
    for (const gateway of gateways) await gateway.close()
    await service.stop('SIGKILL')
  })

  const statusesOf = (answers: readonly Response[]) => answers.map(({ status }) => status).toSorted()
  const borrowedBy = (gateway: Gateway) => gateway.metric('spillway_gateway_limit_borrowed_total')
  const sum = async (series: string) =>
    (await Promise.all(gateways.map((gateway) => gateway.metric(series)))).reduce((a, b) => a + b)

  it('let pass together what one would, and answers out of the cache count', async () => {
    const answers: Response[] = []
    for (let n = 0; n < 6; n++) answers.push(await fetch(`${gateways[n % 3]?.url}/kept`))
    expect(statusesOf(answers)).toEqual([200, 200, 200, 429, 429, 429])
    const left = answers.slice(0, 3).map(({ headers }) => headers.get('ratelimit'))
    // What the upstream said of the one who asked it is nobody else's.
    expect(left).toEqual(['"theirs";r=7;t=1, "address";r=2;t=1200', '"address";r=1;t=2400', '"address";r=0;t=3600'])
    expect(await sum('spillway_gateway_limit_borrowed_total')).toBe(3)
    expect(await sum('spillway_gateway_limit_alone_total')).toBe(0)
  })

  it('count the sign-ins to an account together', async () => {
    const statuses: number[] = []
    for (let n = 0; n < 6; n++) {
      const answer = await fetch(`${gateways[n % 3]?.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'ada', password: 'wrong' }),
      })
      statuses.push(answer.status)
    }
    expect(statuses).toEqual([401, 401, 401, 401, 429, 429])
  })

  it('keep to the limit under load, without the cache service too, and when it is back', async () => {
    const began = performance.now()
    let [passed, refused] = [0, 0]
    const askFor = async (ms: number) => {
      const end = performance.now() + ms
      const caller = async (gateway: Gateway) => {
        while (performance.now() < end) {
          const { status } = await fetch(`${gateway.url}/busy`)
          if (status === 200) passed++
          else refused++
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      }
      await Promise.all([...gateways, ...gateways].map(caller))
    }
    const lost = () => sum('spillway_gateway_limit_budget_lost_total')
    /**
     * 100 at once, 10 a second, and what was in hand for half a second at most; for each time that a gateway lost the
     * budget, which a busy machine may bring about too, its share of the burst, and for each budget lost for good a whole one.
     */
    const most = async (restarts: number) =>
      100 + ((performance.now() - began) / 1000 + 0.5) * 10 + (await lost()) * 34 + restarts * 100
    // However slow the machine: more is asked for than there is.
    await until(
      () => askFor(3000),
      () => refused > 0 && passed > 100,
      30_000,
    )
    expect(passed).toBeLessThanOrEqual(await most(0))
    const { url } = service
    await service.stop('SIGKILL')
    await askFor(2000)
    expect(await lost()).toBeGreaterThanOrEqual(3)
    expect(passed).toBeLessThanOrEqual(await most(0))
    service = await startService('cache/src/main.ts', { PORT: new URL(url).port })
    const borrowed = await Promise.all(gateways.map(borrowedBy))
    await until(
      async () => {
        await askFor(200)
        return Promise.all(gateways.map(borrowedBy))
      },
      (now) => now.every((count, index) => count > (borrowed[index] ?? 0)),
    )
    await askFor(2000)
    expect(passed).toBeLessThanOrEqual(await most(1))
  }, 90_000)
})
