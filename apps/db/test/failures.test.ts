import { createDatabase, type TestDatabase, wireTo } from '@spillway/postgres/testing'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { migratedDatabase, startService, type TestService } from './world.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await migratedDatabase()
  await database.sql(`INSERT INTO items (key, value) VALUES ('alpha', '{}')`)
})
afterAll(() => database.drop())

describe('PostgreSQL away', () => {
  let wire: Awaited<ReturnType<typeof wireTo>>
  let db: TestService
  beforeEach(async () => {
    wire = await wireTo(database.url)
    db = await startService(wire.url)
  })
  afterEach(async () => {
    await db.close()
    await wire.cut()
  })
  const ready = async () => (await db.request('GET', '/ready')).status
  const read = async () => (await db.request('GET', '/data/alpha')).status

  it('is answered with 503 while it lasts, by /ready too, and is over by itself', async () => {
    expect([await ready(), await read()]).toEqual([200, 200])
    await wire.cut()
    const answer = await db.request('GET', '/data/alpha')
    expect([answer.status, (await answer.json()).code]).toEqual([503, 'database_unavailable'])
    expect(answer.headers.get('retry-after')).toBe('1')
    await vi.waitFor(async () => expect(await ready()).toBe(503), 3000)
    expect((await db.request('GET', '/health')).status).toBe(200)
    expect((await db.request('POST', '/sign-in', { body: { username: 'a', password: 'b' } })).status).toBe(503)
    await wire.mend()
    await vi.waitFor(async () => expect(await ready()).toBe(200), 3000)
    expect(await read()).toBe(200)
  })

  it('costs whoever asks at that moment an answer, and nobody a wrong one', async () => {
    await Promise.all(Array.from({ length: 20 }, read))
    const during = Promise.all(Array.from({ length: 50 }, read))
    await wire.cut()
    expect((await during).every((status) => status === 200 || status === 503)).toBe(true)
    await wire.mend()
    await vi.waitFor(async () => expect(await read()).toBe(200), 3000)
  })

  it('in silence is noticed by the probe, and requests wait no longer than they said', async () => {
    await read()
    wire.hold()
    const answer = await db.request('GET', '/data/alpha', { headers: { 'x-timeout-ms': '200' } })
    expect([answer.status, (await answer.json()).code]).toEqual([504, 'database_timeout'])
    await vi.waitFor(async () => expect(await ready()).toBe(503), 6000)
    wire.release()
    await vi.waitFor(async () => expect(await ready()).toBe(200), 6000)
  })

  it('at the start leaves the service running and unready', async () => {
    await wire.cut()
    const early = await startService(wire.url)
    expect((await early.request('GET', '/ready')).status).toBe(503)
    await wire.mend()
    await vi.waitFor(async () => expect((await early.request('GET', '/ready')).status).toBe(200), 3000)
    await early.close()
  })

  it('for one connection, killed by an administrator, is not felt', async () => {
    await Promise.all(Array.from({ length: 20 }, read))
    await database.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE application_name = 'db' AND datname = current_database()`)
    await vi.waitFor(async () => expect([await ready(), await read()]).toEqual([200, 200]), 3000)
  })

  it('is told by /ready in words of ours, which name no user, database or address', async () => {
    const detail = async (url: string) => {
      const service = await startService(url)
      const report: unknown = await (await service.request('GET', '/ready')).json()
      await service.close()
      return report
    }
    const told = (detail: string) => ({ checks: { database: { status: 'failing', detail } } })
    const [refused, unknown] = [new URL(database.url), new URL(database.url)]
    refused.port = '9'
    unknown.username = 'nobody-knows-me'
    wire.hold()
    expect(await detail(wire.url)).toMatchObject(told('PostgreSQL does not answer in time'))
    wire.release()
    expect(await detail(refused.href)).toMatchObject(told('PostgreSQL refuses connections'))
    expect(await detail(unknown.href)).toMatchObject(told('PostgreSQL does not take our user or password'))
  })

  it('as for its tables: unready until they are made', async () => {
    const empty = await createDatabase()
    const early = await startService(empty.url)
    const report = await early.request('GET', '/ready')
    expect([report.status, await report.json()]).toMatchObject([
      503,
      { checks: { database: { status: 'failing', detail: 'PostgreSQL cannot be used; the log says why' } } },
    ])
    await early.close()
    await empty.drop()
  })
})

describe('a slow database', () => {
  let blocker: pg.Client
  let db: TestService
  beforeEach(async () => {
    db = await startService(database.url)
    blocker = new pg.Client({ connectionString: database.url })
    await blocker.connect()
    await blocker.query(`BEGIN; SELECT FROM items WHERE key = 'alpha' FOR UPDATE`)
  })
  afterEach(async () => {
    await blocker.end()
    await db.close()
  })
  const merge = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
    db.request('PATCH', '/data/alpha', { body: { value: { a: 1 } }, headers, ...(signal ? { signal } : {}) })

  it('holds up at most 1,024 requests; the next is refused at once, and none of the others is lost', async () => {
    const refused: number[] = []
    const served: number[] = []
    const all = Array.from({ length: 1030 }, async () => {
      const answer = await merge()
      if (answer.status === 503) {
        expect([(await answer.json()).code, answer.headers.get('retry-after')]).toEqual(['database_busy', '1'])
      }
      ;(answer.status === 503 ? refused : served).push(answer.status)
    })
    const ended = Promise.allSettled(all)
    // Held up is each for 5 s at most, so that this is soon or never; a busy machine takes its time to ask.
    await vi.waitFor(() => expect(refused).toHaveLength(6), 4500)
    expect(served).toHaveLength(0)
    await blocker.query('COMMIT')
    expect((await ended).filter(({ status }) => status === 'rejected')).toEqual([])
    expect(served).toEqual(Array(1024).fill(200))
  })

  it('is waited for no longer than the caller does', async () => {
    const answer = await merge({ 'x-timeout-ms': '100' })
    expect([answer.status, (await answer.json()).code]).toEqual([504, 'database_timeout'])
    const late = await merge({ 'x-timeout-ms': '0' })
    expect([late.status, (await late.json()).code]).toEqual([504, 'database_timeout'])
  })

  it('is given up in the queue by whoever leaves', async () => {
    const running = Array.from({ length: 10 }, () => merge())
    const leaving = new AbortController()
    const queued = Array.from({ length: 5 }, () => merge({}, leaving.signal).catch(() => 'left'))
    await vi.waitFor(async () => expect(await db.metric('spillway_db_pool_waiting')).toBe(5), 3000)
    leaving.abort()
    await vi.waitFor(async () => expect(await db.metric('spillway_db_pool_waiting')).toBe(0), 3000)
    await blocker.query('COMMIT')
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(await Promise.all(queued)).toEqual(Array(5).fill('left'))
    expect(await db.metric('spillway_db_writes_total{operation="merge"}')).toBe(10)
  })
})

describe('simulated latency', () => {
  it('is added to reads and to writes', async () => {
    const db = await startService(database.url, { DB_LATENCY: 150 })
    for (const [method, options] of [
      ['GET', {}],
      ['PUT', { body: { value: 1 } }],
    ] as const) {
      const started = performance.now()
      expect((await db.request(method, '/data/beta', options)).status).toBeLessThan(500)
      expect(performance.now() - started).toBeGreaterThanOrEqual(149)
    }
    await db.close()
  })

  it('holds no connection', async () => {
    const db = await startService(database.url, { DB_LATENCY: 60_000 })
    const leaving = new AbortController()
    const waiting = Array.from({ length: 40 }, () =>
      db.request('GET', '/data/alpha', { signal: leaving.signal }).catch(() => 'left'),
    )
    await vi.waitFor(async () => expect(await db.metric('http_server_active_requests')).toBe(41), 3000)
    expect(await db.metric('spillway_db_pool_waiting')).toBe(0)
    expect(await db.metric('spillway_db_query_duration_seconds_count{query="item_read"}')).toBe(0)
    leaving.abort()
    await Promise.all(waiting)
    await db.close()
  })

  it('is given up when the caller leaves, and PostgreSQL is not asked', async () => {
    const db = await startService(database.url, { DB_LATENCY: 60_000 })
    const leaving = new AbortController()
    const gone = db.request('GET', '/data/alpha', { signal: leaving.signal }).catch(() => 'gone')
    await vi.waitFor(async () => expect(await db.metric('http_server_active_requests')).toBe(2), 3000)
    leaving.abort()
    expect(await gone).toBe('gone')
    await vi.waitFor(async () => expect(await db.metric('http_server_active_requests')).toBe(1), 3000)
    expect(await db.metric('spillway_db_reads_total{kind="item"}')).toBe(0)
    // Closing waits for requests under way: this one is not, or it would take a minute.
    await db.close()
  })

  it('is still waited out by a request under way when the service stops', async () => {
    const db = await startService(database.url, { DB_LATENCY: 300 })
    const reading = db.request('GET', '/data/alpha')
    await vi.waitFor(async () => expect(await db.metric('http_server_active_requests')).toBe(2), 3000)
    await db.close()
    expect((await reading).status).toBe(200)
  })

  it('is cut short where the caller waits less', async () => {
    const db = await startService(database.url, { DB_LATENCY: 60_000 })
    const answer = await db.request('GET', '/data/alpha', { headers: { 'x-timeout-ms': '50' } })
    expect([answer.status, (await answer.json()).code]).toEqual([504, 'database_timeout'])
    await db.close()
  })
})
