/** The read and write path over the real cache and db services and a real PostgreSQL: two gateways, one truth. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Gateway, keys, startGateway, until, usable } from './gateway.ts'
import { runToEnd, type Service, startService } from './processes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

let folder: string
let db: Service
let cache: Service
let gateways: [Gateway, Gateway]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-stack-'))
  const verifying = path.join(folder, 'verifying.json')
  const accounts = path.join(folder, 'accounts.json')
  await writeFile(verifying, keys.verifying)
  await writeFile(
    accounts,
    JSON.stringify([{ username: 'ada', password: 'the right one', roles: ['reader', 'editor'] }]),
  )
  // The run's PostgreSQL is this file's alone.
  const DATABASE_URL = inject('postgresUrl')
  const prepared = await runToEnd('db/src/init.ts', {
    DATABASE_URL,
    SPILLWAY_DEMO: '1',
    SAMPLE_ITEMS: '10',
    ACCOUNTS_FILE: accounts,
  })
  if (prepared.code !== 0) throw new Error(prepared.output)
  const [one, other] = await Promise.all([
    startService('db/src/main.ts', { DATABASE_URL, VERIFY_KEYS_FILE: verifying }),
    startService('cache/src/main.ts'),
  ])
  db = one
  cache = other
  gateways = await Promise.all([
    startGateway({ db: db.url, cache: cache.url, instance: 'gateway-1' }),
    startGateway({ db: db.url, cache: cache.url, instance: 'gateway-2' }),
  ])
  await Promise.all(gateways.map(usable))
})
afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.close()))
  await Promise.all([db?.stop('SIGKILL'), cache?.stop('SIGKILL')])
  await rm(folder, { recursive: true, force: true })
})

async function call(
  gateway: Gateway,
  method: string,
  target: string,
  body?: unknown,
  roles = ['reader', 'editor', 'admin'],
) {
  const answer = await fetch(`${gateway.url}${target}`, {
    method,
    headers: {
      authorization: `Bearer ${gateway.token(roles)}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const cacheStatus = ({ headers }: { headers: Headers }) => headers.get('cache-status') ?? ''

describe('signing in', () => {
  it('takes the right password and gives a token that reads and writes', async () => {
    const [gateway] = gateways
    const signIn = (password: string) =>
      fetch(`${gateway.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'ada', password }),
      })
    expect((await signIn('the wrong one')).status).toBe(401)
    const signedIn = await signIn('the right one')
    expect(signedIn.status).toBe(200)
    const { token } = (await signedIn.json()) as { token: string }
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ value: 'mine' })
    const written = await fetch(`${gateway.url}/data/signed-in`, { method: 'PUT', headers, body })
    expect(written.status).toBe(201)
    const read = await fetch(`${gateway.url}/data/signed-in`, { headers })
    expect(await read.json()).toMatchObject({ key: 'signed-in', value: 'mine' })
  })
})

describe('reading', () => {
  it('is a miss, then a hit, then a hit at the other gateway', async () => {
    const [here, there] = gateways
    const miss = await call(here, 'GET', '/data/alpha')
    expect(miss).toMatchObject({ status: 200, body: { key: 'alpha' } })
    expect(cacheStatus(miss)).toMatch(/^gateway-1; fwd=uri-miss/)
    const hit = await call(here, 'GET', '/data/alpha')
    expect(cacheStatus(hit)).toMatch(/^gateway-1; hit/)
    expect(Number(hit.headers.get('age'))).toBeGreaterThanOrEqual(0)
    expect(hit.headers.get('etag')).toBe(miss.headers.get('etag'))
    expect(hit.headers.get('cache-control')).toBe('private, no-cache')
    expect(hit.headers.get('cdn-cache-control')).toBeNull()
    expect(hit.body).toEqual(miss.body)
    // The answer did not wait until the other gateway could have it.
    await until(
      async () => ((await (await fetch(`${cache.url}/stats`)).json()) as { size: number }).size,
      (size) => size > 0,
    )
    expect(cacheStatus(await call(there, 'GET', '/data/alpha'))).toMatch(
      /^cache; hit; ttl=\d+, gateway-2; fwd=uri-miss; detail=l2$/,
    )
    expect(await here.metric('spillway_gateway_cache_reads_total{outcome="miss"')).toBeGreaterThan(0)
    expect(await here.metric('spillway_gateway_cache_reads_total{outcome="hit",tier="l1"}')).toBeGreaterThan(0)
    expect(await there.metric('spillway_gateway_cache_reads_total{outcome="hit",tier="l2"}')).toBeGreaterThan(0)
  })

  it('answers 304 to whoever has it already', async () => {
    const [gateway] = gateways
    const { headers } = await call(gateway, 'GET', '/data/beta')
    const again = await fetch(`${gateway.url}/data/beta`, {
      headers: { authorization: `Bearer ${gateway.token()}`, 'if-none-match': headers.get('etag') ?? '' },
    })
    expect(again.status).toBe(304)
  })

  it('gives a part of an answer to whoever asks for one, stored or not', async () => {
    const [gateway] = gateways
    const part = (range: string) =>
      fetch(`${gateway.url}/data/epsilon`, { headers: { authorization: `Bearer ${gateway.token()}`, range } })
    const answers = [await part('bytes=0-6'), await part('bytes=0-6')]
    for (const answer of answers) {
      expect(answer.status).toBe(206)
      expect(answer.headers.get('content-range')).toMatch(/^bytes 0-6\/\d+$/)
      expect(await answer.text()).toBe('{"key":')
    }
    expect(answers[1]?.headers.get('cache-status')).toMatch(/^gateway-1; hit/)
    const none = await part('bytes=100000-')
    expect(none.status).toBe(416)
    expect(none.headers.get('content-range')).toMatch(/^bytes \*\/\d+$/)
    expect(none.headers.get('proxy-status')).toContain('error=http_request_error')
    expect(await none.json()).toMatchObject({ code: 'range_not_satisfiable', status: 416 })
  })

  it('gives pages, and an item by its key in the query', async () => {
    const [gateway] = gateways
    const page = await call(gateway, 'GET', '/data?limit=3')
    expect(page.body.items).toHaveLength(3)
    const next = await call(gateway, 'GET', `/data?limit=3&after=${page.body.next}`)
    expect(next.body.items[0].key > page.body.items[2].key).toBe(true)
    expect((await call(gateway, 'GET', '/data?key=alpha')).body.key).toBe('alpha')
    expect(await call(gateway, 'GET', '/data?key=alpha&key=beta')).toMatchObject({ status: 400 })
    expect(await call(gateway, 'GET', '/data/no-such-item')).toMatchObject({
      status: 404,
      body: { code: 'item_not_found' },
    })
  })

  it('asks the db once, however many ask both gateways at once', async () => {
    const before = await count(db, 'spillway_db_reads_total{kind="item"}')
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => call(gateways[index % 2] as Gateway, 'GET', '/data/gamma')),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await count(db, 'spillway_db_reads_total{kind="item"}')) - before).toBe(1)
  })
})

describe('writing', () => {
  it('is seen by the next read through either gateway, in every form', async () => {
    const [here, there] = gateways
    for (let round = 0; round < 20; round++) {
      const [writer, reader] = round % 2 ? [here, there] : [there, here]
      await call(reader, 'GET', '/data/delta')
      await call(reader, 'GET', '/data?key=delta')
      const written = await call(writer, 'PUT', '/data/delta', { value: round })
      expect(written.status).toBeLessThan(300)
      for (const gateway of gateways) {
        expect((await call(gateway, 'GET', '/data/delta')).body.value).toBe(round)
        expect((await call(gateway, 'GET', '/data?key=delta')).body.value).toBe(round)
      }
    }
    await call(here, 'PATCH', '/data/delta', { value: { merged: true } })
    expect((await call(there, 'GET', '/data/delta')).body.value).toEqual({ merged: true })
    expect((await call(here, 'DELETE', '/data/delta')).status).toBe(204)
    expect((await call(there, 'GET', '/data/delta')).status).toBe(404)
  })

  it('is refused at another version', async () => {
    const [gateway] = gateways
    const answer = await fetch(`${gateway.url}/data/alpha`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${gateway.token(['editor'])}`,
        'content-type': 'application/json',
        'if-match': '"0"',
      },
      body: '{"value":1}',
    })
    expect(answer.status).toBe(412)
  })
})

describe('purging', () => {
  it.each([
    ['keys', { keys: ['/data/epsilon'] }],
    ['tags', { tags: ['item:epsilon'] }],
    ['all', { all: true }],
  ])('by %s reaches both gateways before it is answered', async (_, body) => {
    const [here, there] = gateways
    for (const gateway of gateways) await call(gateway, 'GET', '/data/epsilon')
    expect(cacheStatus(await call(there, 'GET', '/data/epsilon'))).toMatch(/hit/)
    expect(await call(here, 'POST', '/admin/cache/purge', body)).toMatchObject({ status: 204 })
    expect(cacheStatus(await call(there, 'GET', '/data/epsilon'))).toMatch(/^gateway-2; fwd=uri-miss/)
  })

  it('softly makes stale what every gateway has: served once more, and asked for anew meanwhile', async () => {
    for (const gateway of gateways) await call(gateway, 'GET', '/data/epsilon')
    const body = { keys: ['/data/epsilon'], soft: true }
    expect(await call(gateways[0], 'POST', '/admin/cache/purge', body)).toMatchObject({ status: 204 })
    const answers = await Promise.all(gateways.map((gateway) => call(gateway, 'GET', '/data/epsilon')))
    for (const answer of answers) expect(cacheStatus(answer)).toMatch(/hit; ttl=-1; detail=l1$/)
    for (const gateway of gateways)
      await until(
        () => call(gateway, 'GET', '/data/epsilon'),
        (answer) => /; hit; ttl=\d/.test(cacheStatus(answer)),
      )
  })

  it.each([
    [{}, 'validation_failed'],
    [{ keys: ['/data/alpha'], all: true }, 'validation_failed'],
    [{ all: false }, 'validation_failed'],
    [{ soft: true }, 'validation_failed'],
    [{ all: true, soft: false }, 'validation_failed'],
    [{ keys: [] }, 'validation_failed'],
    [{ keys: ['/nowhere/alpha'] }, 'purge_key_unknown', 422],
    [{ keys: ['/data/alpha/beta'] }, 'purge_key_unknown', 422],
  ])('refuses %j', async (body, code, status = 400) => {
    expect(await call(gateways[0], 'POST', '/admin/cache/purge', body)).toMatchObject({ status, body: { code } })
  })
})

describe('looking into the cache', () => {
  it('shows figures and names, page by page, to administrators', async () => {
    const [gateway] = gateways
    await call(gateway, 'POST', '/admin/cache/purge', { all: true })
    for (const key of ['alpha', 'beta']) await call(gateway, 'GET', `/data/${key}`)
    expect(await call(gateway, 'GET', '/admin/cache/stats')).toMatchObject({
      status: 200,
      body: { size: 2, sessions: 2, hitRate: expect.any(Number) },
    })
    const names: string[] = []
    for (let cursor = ''; ; ) {
      const { status, body } = await call(gateway, 'GET', `/admin/cache/entries?prefix=/data/&limit=1${cursor}`)
      const page = body as { entries: { tags: string[] }[]; cursor?: string }
      expect([status, page.entries.length]).toEqual([200, 1])
      names.push(...page.entries.flatMap(({ tags }) => tags.filter((tag) => tag.startsWith('http'))))
      if (page.cursor === undefined) break
      cursor = `&cursor=${page.cursor}`
    }
    expect(names.toSorted()).toEqual(['http://db/data/alpha', 'http://db/data/beta'])
    const none = await call(gateway, 'GET', '/admin/cache/entries?prefix=/data/gamma')
    expect(none).toMatchObject({ status: 200, body: { entries: [] } })
  })
})

/** What the routes file names and this test does not start. */
const NOT_THERE = ['microservice', 'worker']

describe('degrading', () => {
  it('goes on reading and writing while the cache service is away, and finds it again', async () => {
    const [gateway] = gateways
    const port = new URL(cache.url).port
    await cache.stop('SIGKILL')
    expect(await call(gateway, 'GET', '/data/zeta')).toMatchObject({ status: 200 })
    expect(await call(gateway, 'PUT', '/data/zeta', { value: 'without a cache' })).toMatchObject({ status: 200 })
    expect((await call(gateways[1], 'GET', '/data/zeta')).body.value).toBe('without a cache')
    const report = await fetch(`${gateway.url}/ready`)
    expect(report.status).toBe(200)
    expect(await report.json()).toMatchObject({ status: 'ready', degraded: [...NOT_THERE, 'cache'] })
    cache = await startService('cache/src/main.ts', { PORT: port })
    await Promise.all(gateways.map(usable))
    await call(gateway, 'GET', '/data/zeta')
    const again = await until(
      () => call(gateway, 'GET', '/data/zeta'),
      (answer) => /hit/.test(cacheStatus(answer)),
    )
    expect(again.body.value).toBe('without a cache')
  })

  it('serves hits while the db is away, and says what else is wrong', async () => {
    const [gateway] = gateways
    await call(gateway, 'GET', '/data/eta')
    await db.stop('SIGKILL')
    expect(cacheStatus(await call(gateway, 'GET', '/data/eta'))).toMatch(/hit/)
    const miss = await call(gateway, 'GET', '/data/theta')
    expect([502, 503, 504]).toContain(miss.status)
    expect(miss.body.code).toMatch(/^[a-z_]+$/)
    expect(miss.headers.get('proxy-status')).toMatch(/^gateway-1/)
    const write = await call(gateway, 'PUT', '/data/eta', { value: 1 })
    expect([502, 503, 504]).toContain(write.status)
    const report = await until(
      async () => (await fetch(`${gateway.url}/ready`)).json() as Promise<{ status: string; degraded: string[] }>,
      ({ degraded }) => degraded.includes('db') && degraded.includes('revocations'),
    )
    expect(report).toMatchObject({ status: 'ready', degraded: ['db', ...NOT_THERE, 'revocations'] })
  })
})

async function count(service: Service, series: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line ? Number(line.slice(series.length)) : 0
}
