import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEAD_LETTERS } from '../src/queue.ts'
import type { Service } from './processes.ts'
import { ask, bearer, becomes, eventually, look, metric, send, World } from './world.ts'

let world: World
let db: Service
/** Two that start at once over an empty database. */
let one: Service
let other: Service

beforeAll(async () => {
  world = await World.create()
  db = await world.db(2500)
  ;[one, other] = await Promise.all([
    world.worker({ INSTANCE: 'one', DB_URL: db.url }),
    world.worker({ INSTANCE: 'other', DB_URL: db.url }),
  ])
})
afterAll(() => world?.end())

describe('a token that was revoked', () => {
  it('has no jobs any more', async () => {
    const authorization = bearer('mallory')
    const [, claims = ''] = authorization.split('.')
    const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string }
    const asked = { body: { task: 'sleep', ms: 1 }, headers: { authorization } }
    expect((await ask(one, 'POST', '/longtask', asked)).status).toBe(202)
    await ask(db, 'POST', '/revocations', { body: { tokenId: jti }, headers: { authorization } })
    await eventually(async () =>
      expect((await ask(one, 'POST', '/longtask', asked)).body).toMatchObject({ code: 'token_revoked' }),
    )
    expect((await ask(one, 'POST', '/longtask', { body: asked.body, as: 'mallory' })).status).toBe(202)
  })
})

describe('a job', () => {
  it('is accepted with its place and nobody caches that', async () => {
    const answer = await ask(one, 'POST', '/longtask', { body: { task: 'sleep', ms: 1 } })
    expect(answer.status).toBe(202)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: `/longtask/${answer.body.id}`,
      'retry-after': '1',
      'cache-control': 'no-store',
      'cdn-cache-control': 'no-store',
    })
    expect(answer.body).toEqual({
      id: expect.any(String),
      task: 'sleep',
      input: { ms: 1 },
      state: 'queued',
      progress: 0,
      attempt: 0,
      createdAt: expect.any(String),
    })
  })

  it('is found at every worker, whichever accepted and whichever runs it', async () => {
    const place = await send(one, { task: 'sleep', ms: 1 })
    const done = await becomes(other, place, { state: 'succeeded' })
    expect(done).toMatchObject({ progress: 1, attempt: 1, result: { ms: expect.any(Number) } })
    expect(Date.parse(done.startedAt as string)).toBeGreaterThanOrEqual(Date.parse(done.createdAt))
    expect(Date.parse(done.finishedAt as string)).toBeGreaterThanOrEqual(Date.parse(done.startedAt as string))
    expect(await look(one, place)).toEqual(done)
    const answer = await ask(one, 'GET', place)
    expect([answer.headers.get('retry-after'), answer.headers.get('cdn-cache-control')]).toEqual([null, 'no-store'])
  })

  it('tells how far it is while it runs', async () => {
    const place = await send(one, { task: 'sleep', ms: 2500 })
    const seen: number[] = []
    await expect
      .poll(
        async () => {
          const { state, progress } = await look(one, place)
          seen.push(progress)
          return state
        },
        { interval: 50 },
      )
      .toBe('succeeded')
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBeGreaterThanOrEqual(4)
  })

  it('of primes counts exactly, on a thread, while the service answers', async () => {
    const place = await send(one, { task: 'primes', n: 300_000_000 })
    const delays: number[] = []
    await expect
      .poll(
        async () => {
          const started = performance.now()
          await fetch(`${one.url}/health`)
          delays.push(performance.now() - started)
          return (await look(one, place)).state
        },
        { interval: 20 },
      )
      .toBe('succeeded')
    expect((await look(one, place)).result).toEqual({ n: 300_000_000, primes: 16_252_325 })
    expect(delays.toSorted((a, b) => a - b)[delays.length >> 1]).toBeLessThan(100)
  })

  it('of a report reads all pages of items into one text', async () => {
    const { result } = await becomes(one, await send(one, { task: 'report' }), { state: 'succeeded' })
    expect(result).toMatchObject({ items: 2500, csvItems: 2500, valueBytes: expect.any(Number) })
    const lines = String(result['csv']).trimEnd().split('\n')
    expect(lines).toHaveLength(2501)
    expect(lines[0]).toBe('key,version,updatedAt,value')
    expect(lines[1]).toMatch(/^alpha,\d+,[\dTZ:.-]+,"\{""name"":""alpha"",""position"":1\}"$/)
    expect(lines.slice(1)).toEqual(lines.slice(1).toSorted())
  })

  it('of a report too long for one result ends its text early, and counts all the same', async () => {
    await world.sql(
      `INSERT INTO items (key, value) SELECT 'zz-' || n, to_jsonb(repeat('x', 10000)) FROM generate_series(1, 200) AS n`,
    )
    const { result } = await becomes(one, await send(one, { task: 'report' }), { state: 'succeeded' })
    expect(result['items']).toBe(2700)
    expect(result['csvItems']).toBeGreaterThan(2500)
    expect(result['csvItems']).toBeLessThan(2700)
    expect(JSON.stringify(result).length).toBeLessThan(1_048_576)
    await world.sql(`DELETE FROM items WHERE key LIKE 'zz-%'`)
  })

  it('is gone, key and all, once it has been kept for 24 h', async () => {
    const headers = { 'idempotency-key': 'kept' }
    const place = await send(one, { task: 'sleep', ms: 0 }, { headers })
    const { createdAt } = await becomes(one, place, { state: 'succeeded' })
    await world.sql(`UPDATE pgboss.job SET completed_on = now() - interval '86401 s' WHERE id = $1`, [
      place.split('/').at(-1),
    ])
    await world.sql(`UPDATE pgboss.queue SET maintain_on = NULL`)
    await expect.poll(async () => (await ask(one, 'GET', place)).status).toBe(404)
    await send(one, { task: 'sleep', ms: 0 }, { headers })
    expect(Date.parse((await look(one, place)).createdAt)).toBeGreaterThan(Date.parse(createdAt))
  })
})

describe('what is asked for', () => {
  it.each([
    [{ task: 'sleep' }, 'body/ms is missing'],
    [{ task: 'sleep', ms: -1 }, 'body/ms must be >= 0'],
    [{ task: 'sleep', ms: 60_001 }, 'body/ms must be <= 60000'],
    [{ task: 'sleep', ms: '5' }, 'body/ms must be integer'],
    [{ task: 'sleep', ms: 5, n: 1 }, 'body/n is not taken by this task'],
    [{ task: 'primes', n: 0 }, 'body/n must be >= 1'],
    [{ task: 'primes', n: 1_000_000_001 }, 'body/n must be <= 1000000000'],
    [{ task: 'report', all: true }, 'body/all is not taken by this task'],
    [{ task: 'nap', ms: 5 }, 'body/task must be one of report, primes, sleep'],
    [{ ms: 5 }, 'body must have required properties task'],
    [[], 'body must be object'],
  ])('is refused where it does not fit: %j', async (body, detail) => {
    const answer = await ask(one, 'POST', '/longtask', { body })
    expect([answer.status, answer.body]).toMatchObject([400, { code: 'validation_failed', detail }])
    expect(answer.headers.get('cdn-cache-control')).toBe('no-store')
  })

  it('must be JSON, and short', async () => {
    const broken = await ask(one, 'POST', '/longtask', { body: '{"task":' })
    expect([broken.status, broken.body.code]).toEqual([400, 'malformed_json'])
    const long = await ask(one, 'POST', '/longtask', { body: { task: 'x'.repeat(20_000) } })
    expect([long.status, long.body]).toMatchObject([413, { detail: 'the limit here is 16384 bytes' }])
  })
})

describe('ownership', () => {
  it('hides a job from everybody else as if there were none', async () => {
    const place = await send(one, { task: 'sleep', ms: 0 })
    for (const method of ['GET', 'DELETE']) {
      const strangers = await ask(one, method, place, { as: 'bob' })
      const nothing = await ask(one, method, '/longtask/00000000-0000-4000-8000-000000000000', { as: 'bob' })
      const nonsense = await ask(one, method, '/longtask/nonsense', { as: 'bob' })
      for (const { status, body } of [strangers, nothing, nonsense]) {
        expect([status, body.code]).toEqual([404, 'job_not_found'])
      }
    }
    expect((await ask(one, 'GET', place)).status).toBe(200)
  })

  it('needs somebody signed in', async () => {
    for (const [method, target] of [
      ['POST', '/longtask'],
      ['GET', '/longtask/00000000-0000-4000-8000-000000000000'],
      ['DELETE', '/longtask/00000000-0000-4000-8000-000000000000'],
    ] as const) {
      const answer = await fetch(one.url + target, { method })
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([401, 'no-store'])
    }
  })
})

describe('an Idempotency-Key', () => {
  const post = (service: Service, key: string, body: object, as = 'alice') =>
    ask(service, 'POST', '/longtask', { body, as, headers: { 'idempotency-key': key } })

  it('gives one job, however often and wherever it is sent at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => post(index % 2 ? one : other, 'once', { task: 'sleep', ms: 300 })),
    )
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1)
    expect(answers.every(({ status }) => status === 202 || status === 200)).toBe(true)
    const place = answers[0]?.headers.get('location') as string
    await becomes(one, place, { state: 'succeeded', attempt: 1 })
    const late = await post(other, 'once', { ms: 300, task: 'sleep' })
    expect([late.status, late.headers.get('location'), late.body.state]).toEqual([200, place, 'succeeded'])
  })

  it('is not for another body, also at the same moment', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map((ms) => post(one, 'twice', { task: 'sleep', ms })))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.code === 'idempotency_key_reused')).toHaveLength(3)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(3)
  })

  it('is each owner’s own', async () => {
    const [hers, his] = await Promise.all([
      post(one, 'same', { task: 'sleep', ms: 0 }, 'alice'),
      post(one, 'same', { task: 'sleep', ms: 1 }, 'bob'),
    ])
    expect([hers.status, his.status]).toEqual([202, 202])
    expect(hers.body.id).not.toBe(his.body.id)
  })

  it.each(['a b', 'x'.repeat(256), 'ä'])('is refused as %j', async (key) => {
    const answer = await post(one, key, { task: 'sleep', ms: 0 })
    expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
    expect(answer.body.detail).toContain('headers/idempotency-key')
  })

  it('may have 255 characters', async () => {
    expect((await post(one, '~'.repeat(255), { task: 'sleep', ms: 0 })).status).toBe(202)
  })
})

describe('Prefer: wait', () => {
  it('holds the answer to GET back until the job has ended', async () => {
    const place = await send(one, { task: 'sleep', ms: 700 })
    const answer = await ask(other, 'GET', place, { headers: { prefer: 'wait=20' } })
    expect([answer.body.state, answer.headers.get('preference-applied')]).toEqual(['succeeded', 'wait=20'])
    expect(answer.headers.get('retry-after')).toBeNull()
  })

  it('makes POST answer 200 with the result', async () => {
    const answer = await ask(one, 'POST', '/longtask', {
      body: { task: 'primes', n: 100 },
      headers: { prefer: 'respond-async, wait=20' },
    })
    expect([answer.status, answer.body]).toMatchObject([200, { state: 'succeeded', result: { primes: 25 } }])
    expect(answer.headers.get('location')).toBe(`/longtask/${answer.body.id}`)
  })

  it('ends when its seconds are over, and before the caller’s own deadline', async () => {
    const place = await send(one, { task: 'sleep', ms: 5000 })
    const started = performance.now()
    const answer = await ask(one, 'GET', place, { headers: { prefer: 'wait=1' } })
    expect(performance.now() - started).toBeGreaterThanOrEqual(995)
    expect([answer.status, answer.body.state, answer.headers.get('retry-after')]).toEqual([200, 'running', '1'])
    const hurried = await ask(one, 'GET', place, { headers: { prefer: 'wait=30', 'x-timeout-ms': '1000' } })
    expect([hurried.status, hurried.body.state]).toEqual([200, 'running'])
    await ask(one, 'DELETE', place)
  })

  it('of a crowd costs one query for all, and those who leave are let go', async () => {
    const places = await Promise.all(Array.from({ length: 3 }, () => send(one, { task: 'sleep', ms: 2500 })))
    const looks = 'spillway_worker_query_duration_seconds_count{query="jobs_ended"}'
    const before = (await metric(one, looks)) ?? 0
    const leaving = new AbortController()
    const left = Array.from({ length: 50 }, () =>
      ask(one, 'GET', places[0] as string, { headers: { prefer: 'wait=30' }, signal: leaving.signal }).catch(
        () => 'left',
      ),
    )
    const waiting = Array.from({ length: 90 }, (_, index) =>
      ask(one, 'GET', places[index % 3] as string, { headers: { prefer: 'wait=30' } }),
    )
    await expect.poll(() => metric(one, 'http_server_active_requests')).toBe(141)
    leaving.abort()
    await expect.poll(() => metric(one, 'http_server_active_requests')).toBe(91)
    expect(await Promise.all(left)).toEqual(Array(50).fill('left'))
    for (const { body } of await Promise.all(waiting)) expect(body.state).toBe('succeeded')
    expect(((await metric(one, looks)) as number) - before).toBeLessThan(60)
  })
})

describe('cancelling', () => {
  it('a job that waits: it never runs', async () => {
    // More than both workers have room for, and one that waits behind them.
    const busy = await Promise.all(Array.from({ length: 8 }, () => send(one, { task: 'sleep', ms: 30_000 })))
    for (const place of busy) await becomes(one, place, { state: 'running' })
    const place = await send(one, { task: 'sleep', ms: 0 })
    const cancelled = await ask(other, 'DELETE', place)
    expect([cancelled.status, cancelled.body]).toMatchObject([200, { state: 'cancelled', attempt: 0, progress: 0 }])
    for (const each of busy) expect((await ask(other, 'DELETE', each)).status).toBe(200)
    await becomes(one, await send(one, { task: 'sleep', ms: 0 }), { state: 'succeeded' })
    expect(await look(one, place)).toMatchObject({ state: 'cancelled', attempt: 0 })
    const again = await ask(one, 'DELETE', place)
    expect([again.status, again.body]).toMatchObject([
      409,
      { code: 'job_finished', detail: 'the job is cancelled already' },
    ])
  })

  it.each([
    ['sleep', { task: 'sleep', ms: 30_000 }],
    ['primes', { task: 'primes', n: 1_000_000_000 }],
  ])(
    'a job of %s that runs in another process ends its work there, and nothing more is written',
    async (_task, body) => {
      const running = (service: Service) => metric(service, 'spillway_worker_running')
      await expect.poll(async () => [await running(one), await running(other)]).toEqual([0, 0])
      const place = await send(one, body)
      await becomes(one, place, { state: 'running' })
      const [runs, asked] = (await running(one)) === 1 ? [one, other] : [other, one]
      expect(await running(runs)).toBe(1)
      const cancelled = await ask(asked, 'DELETE', place)
      expect([cancelled.status, cancelled.body.state]).toEqual([200, 'cancelled'])
      const seen = await look(asked, place)
      await expect.poll(() => running(runs), { timeout: 3500 }).toBe(0)
      expect(await look(asked, place)).toEqual(seen)
      expect(seen).not.toHaveProperty('result')
    },
  )

  it('a job that has ended is told so', async () => {
    const place = await send(one, { task: 'sleep', ms: 0 })
    await becomes(one, place, { state: 'succeeded' })
    const answer = await ask(one, 'DELETE', place)
    expect([answer.status, answer.body]).toMatchObject([
      409,
      { code: 'job_finished', detail: 'the job is succeeded already' },
    ])
  })
})

describe('metrics', () => {
  it('count what became of jobs, and show the queue', async () => {
    const total = async (outcome: string) =>
      ((await metric(one, `spillway_worker_jobs_total{task="sleep",outcome="${outcome}"}`)) ?? 0) +
      ((await metric(other, `spillway_worker_jobs_total{task="sleep",outcome="${outcome}"}`)) ?? 0)
    const [succeeded, cancelled] = [await total('succeeded'), await total('cancelled')]
    const busy = await Promise.all(Array.from({ length: 8 }, () => send(one, { task: 'sleep', ms: 30_000 })))
    for (const place of busy) await becomes(one, place, { state: 'running' })
    const waits = await send(one, { task: 'sleep', ms: 0 })
    const gauges = async () => [
      await metric(other, 'spillway_worker_queue_depth{state="queued"}'),
      await metric(other, 'spillway_worker_queue_depth{state="running"}'),
    ]
    await expect.poll(gauges).toEqual([1, 8])
    await expect.poll(() => metric(other, 'spillway_worker_oldest_waiting_seconds')).toBeGreaterThan(0.5)
    for (const place of busy) await ask(one, 'DELETE', place)
    await becomes(one, waits, { state: 'succeeded' })
    await expect.poll(gauges).toEqual([0, 0])
    expect([await total('succeeded'), await total('cancelled')]).toEqual([succeeded + 1, cancelled + 8])
    expect(await metric(other, 'spillway_worker_oldest_waiting_seconds')).toBe(0)
  })
})

describe('a task that fails', () => {
  let broken: Service
  let answers: (() => [status: number, body: string])[] = []
  let asked = 0
  let server: Server
  beforeAll(async () => {
    for (const service of [one, other]) await service.stop('SIGKILL')
    server = createServer((request, response) => {
      // The worker looks for what was revoked as well.
      if (request.url?.startsWith('/revocations')) {
        response.writeHead(503).end()
        return
      }
      asked++
      const [status, body] = (answers.shift() ?? (() => [500, 'connect ECONNREFUSED 10.1.2.3']))()
      response.writeHead(status).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    broken = await world.worker({ DB_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  })
  afterAll(() => server?.close())

  it('is tried three times with growing rests, then it is failed and a dead letter', async () => {
    asked = 0
    const place = await send(broken, { task: 'report' })
    await becomes(broken, place, { state: 'queued', attempt: 1 })
    const failed = await becomes(broken, place, { state: 'failed' })
    expect(failed).toMatchObject({
      attempt: 3,
      error: { message: 'the items could not be read: their service did not answer as it should' },
      finishedAt: expect.any(String),
    })
    expect(failed).not.toHaveProperty('result')
    expect(JSON.stringify(failed)).not.toMatch(/ECONNREFUSED|10\.1\.2\.3|stack|\.ts/)
    expect(asked).toBe(3)
    // At least half of 1 s and of 2 s.
    expect(Date.parse(failed.finishedAt as string) - Date.parse(failed.createdAt)).toBeGreaterThan(1500)
    await expect.poll(() => metric(broken, 'spillway_worker_dead_letters')).toBe(1)
    expect(await metric(broken, 'spillway_worker_jobs_total{task="report",outcome="retried"}')).toBe(2)
    expect(await metric(broken, 'spillway_worker_jobs_total{task="report",outcome="failed"}')).toBe(1)
  })

  it('for now succeeds when it is tried again', async () => {
    const empty = () => [200, '{"items":[],"next":null}'] as [number, string]
    answers = [() => [503, '{}'], empty]
    const done = await becomes(broken, await send(broken, { task: 'report' }), { state: 'succeeded' })
    expect(done).toMatchObject({ attempt: 2, result: { items: 0, csvItems: 0 } })
  })

  it.each([
    ['an answer that will not change', () => [404, '{}']],
    ['no page of items', () => [200, '{"items":[{}],"next":null}']],
  ] as [string, () => [number, string]][])('for good is not tried again: %s', async (_name, answer) => {
    asked = 0
    answers = [answer]
    const failed = await becomes(broken, await send(broken, { task: 'report' }), { state: 'failed' })
    expect([failed.attempt, asked]).toEqual([1, 1])
    expect(failed.error?.message).toMatch(/^the items could not be read: /)
  })

  it('is not led in circles by pages that do not end', async () => {
    const page = () => [200, '{"items":[],"next":"alpha"}'] as [number, string]
    answers = Array(6).fill(page)
    const failed = await becomes(broken, await send(broken, { task: 'report' }), { state: 'failed' })
    expect(failed.error).toEqual({ message: 'the pages of items do not end' })
  })

  it('can be driven again from the dead letters by an operator', async () => {
    answers = Array(4).fill(() => [200, '{"items":[],"next":null}'])
    const succeeded = () => metric(broken, 'spillway_worker_jobs_total{task="report",outcome="succeeded"}')
    await expect.poll(() => metric(broken, 'spillway_worker_dead_letters')).toBe(4)
    expect(await succeeded()).toBe(1)
    const operator = new PgBoss(world.url)
    await operator.start()
    expect(await operator.redrive(DEAD_LETTERS)).toBe(4)
    await operator.stop({ graceful: false })
    await expect.poll(succeeded).toBe(5)
    await expect.poll(() => metric(broken, 'spillway_worker_dead_letters')).toBe(0)
  })
})
