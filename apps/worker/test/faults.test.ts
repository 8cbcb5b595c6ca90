import { wireTo } from '@spillway/postgres/testing'
import { describe, expect, it, type TestContext } from 'vitest'
import type { Service } from './processes.ts'
import { ask, type Body, becomes, eventually, look, metric, send, World } from './world.ts'

// These wait for heartbeats more than for anything else, so they wait together, each in its own world.
async function createWorld(finished: TestContext['onTestFinished']): Promise<World> {
  const world = await World.create()
  finished(() => world.end())
  return world
}

/** The worker that runs what there is to run, and the other one. */
async function whoRuns(first: Service, second: Service): Promise<[runs: Service, other: Service]> {
  const running = async (service: Service) => (await metric(service, 'spillway_worker_running')) === 1
  await eventually(async () => expect(await running(first)).not.toBe(await running(second)))
  return (await running(first)) ? [first, second] : [second, first]
}

describe.concurrent('a worker killed in mid-job', () => {
  it('has its job run to the end by another one within 15 s, once', { timeout: 40_000 }, async ({ onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    const [first, second] = await Promise.all([world.worker(), world.worker()])
    const place = await send(first, { task: 'sleep', ms: 2000 })
    const [runs, other] = await whoRuns(first, second)
    await runs.stop('SIGKILL')
    const killed = performance.now()
    await becomes(other, place, { attempt: 2, state: 'running' }, 20_000)
    expect(performance.now() - killed).toBeLessThan(15_000)
    await becomes(other, place, { attempt: 2, state: 'succeeded', progress: 1 })
    expect(await metric(other, 'spillway_worker_jobs_total{task="sleep",outcome="succeeded"}')).toBe(1)
    expect(await world.sql(`SELECT state, retry_count FROM pgboss.job`)).toEqual([
      { state: 'completed', retry_count: 1 },
    ])
  })

  it('three times over has its job given up for good', { timeout: 90_000 }, async ({ onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    let place = ''
    for (let time = 1; time <= 3; time++) {
      const victim = await world.worker()
      place ||= await send(victim, { task: 'sleep', ms: 60_000 })
      await becomes(victim, place, { state: 'running', attempt: time }, 20_000)
      await victim.stop('SIGKILL')
    }
    const last = await world.worker()
    const failed = await becomes(last, place, { state: 'failed', attempt: 3 }, 20_000)
    expect(failed.error).toEqual({ message: 'each worker that ran it died or could not be reached' })
    await eventually(async () => expect(await metric(last, 'spillway_worker_dead_letters')).toBe(1))
  })
})

describe.concurrent('a worker that is stopped in mid-job and comes back later', () => {
  it.for([
    ['while the other one still runs it', 25_000],
    ['after the other one has finished it', 100],
  ] as const)('writes nothing any more: %s', { timeout: 60_000 }, async ([, ms], { onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    const [first, second] = await Promise.all([world.worker(), world.worker()])
    // Long enough to be seen running and stopped in the middle.
    const place = await send(first, { task: 'sleep', ms: 3000 + ms })
    const [old, now] = await whoRuns(first, second)
    await eventually(async () => expect((await look(now, place)).progress).toBeGreaterThan(0))
    old.signal('SIGSTOP')
    await becomes(now, place, { attempt: 2, state: 'running' }, 20_000)
    if (ms === 100) await becomes(now, place, { state: 'succeeded' })
    const written = async () => (await world.sql('SELECT retry_count FROM job_progress'))[0]?.['retry_count']
    await eventually(async () => expect(await written()).toBe(1))
    const before = await look(now, place)
    old.signal('SIGCONT')
    // The old run ends: its sleep is over long since, or its heartbeat finds the job gone.
    const writers = new Set<unknown>()
    const ended = async () => {
      writers.add(await written())
      return metric(old, 'spillway_worker_running')
    }
    await eventually(async () => expect(await ended()).toBe(0))
    const after = await look(now, place)
    if (ms === 100) expect(after).toEqual(before)
    else expect(after).toMatchObject({ attempt: 2, state: 'running', startedAt: before.startedAt as string })
    expect(after.progress).toBeGreaterThanOrEqual(before.progress)
    expect([...writers, await written()]).toEqual([1, 1])
    expect(await metric(old, 'spillway_worker_jobs_total{task="sleep",outcome="succeeded"}')).toBe(0)
    // It takes part again.
    await becomes(old, await send(old, { task: 'sleep', ms: 0 }), { state: 'succeeded' })
  })
})

describe.concurrent('a worker asked to stop', () => {
  it('lets short jobs end, gives long ones to another worker at once, and is gone within 10 s', {
    timeout: 60_000,
  }, async ({ onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    const stopping = await world.worker()
    const short = await send(stopping, { task: 'sleep', ms: 3000 })
    const long = await send(stopping, { task: 'sleep', ms: 20_000 })
    await becomes(stopping, short, { state: 'running' })
    await becomes(stopping, long, { state: 'running' })
    const other = await world.worker()
    const started = performance.now()
    const gone = stopping.stop('SIGTERM')
    await eventually(async () => expect(stopping.log.join()).toContain('draining'))
    // Jobs that come meanwhile are the other one's.
    const late = await ask(stopping, 'POST', '/longtask', { body: { task: 'sleep', ms: 1000 } })
    expect(late.status).toBe(202)
    await eventually(async () => expect(await metric(other, 'spillway_worker_running')).toBe(1))
    await becomes(other, long, { attempt: 2, state: 'running' }, 12_000)
    const handedOver = performance.now() - started
    expect(handedOver).toBeGreaterThan(6500)
    expect(handedOver).toBeLessThan(8500)
    expect(await gone).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
    await becomes(other, long, { attempt: 2, state: 'succeeded' }, 30_000)
    expect(await look(other, short)).toMatchObject({ attempt: 1, state: 'succeeded' })
    expect(await look(other, late.headers.get('location') as string)).toMatchObject({ attempt: 1, state: 'succeeded' })
    // A hand-over costs the job none of its tries.
    expect(await world.sql('SELECT retry_count, retry_limit FROM pgboss.job WHERE retry_count > 0')).toEqual([
      { retry_count: 1, retry_limit: 3 },
    ])
  })

  it('answers those who wait with the job as it is', async ({ onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    const stopping = await world.worker()
    const place = await send(stopping, { task: 'sleep', ms: 30_000 })
    await becomes(stopping, place, { state: 'running' })
    const waiting = ask(stopping, 'GET', place, { headers: { prefer: 'wait=30' } })
    await eventually(async () => expect(await metric(stopping, 'http_server_active_requests')).toBe(2))
    const started = performance.now()
    const gone = stopping.stop('SIGTERM')
    expect((await waiting).body.state).toBe('running')
    expect(performance.now() - started).toBeLessThan(2000)
    expect(await gone).toBe(0)
    expect(
      await world.sql(`SELECT FROM pg_stat_activity WHERE application_name LIKE 'worker%'
                            AND datname = current_database()`),
    ).toEqual([])
  })
})

describe.concurrent('PostgreSQL away', () => {
  const ready = async (service: Service) => (await fetch(`${service.url}/ready`)).status

  it('is answered with 503 while it lasts, and the worker goes on by itself', { timeout: 40_000 }, async ({
    onTestFinished,
  }) => {
    const world = await createWorld(onTestFinished)
    const wire = await wireTo(world.url)
    const worker = await world.worker({ DATABASE_URL: wire.url })
    expect(await ready(worker)).toBe(200)
    const place = await send(worker, { task: 'sleep', ms: 4000 })
    await becomes(worker, place, { state: 'running' })
    await wire.cut()
    for (const [method, target, body] of [
      ['POST', '/longtask', { task: 'sleep', ms: 0 }],
      ['GET', place, undefined],
      ['DELETE', place, undefined],
    ] as const) {
      const answer = await ask(worker, method, target, body ? { body } : {})
      expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable'])
      expect(answer.headers.get('retry-after')).toBe('1')
    }
    await eventually(async () => expect(await ready(worker)).toBe(503))
    expect((await fetch(`${worker.url}/health`)).status).toBe(200)
    expect(await metric(worker, 'spillway_worker_queue_depth{state="queued"}')).toBeUndefined()
    await wire.mend()
    await eventually(async () => expect(await ready(worker)).toBe(200))
    // The outage was shorter than the heartbeat, so the run is not even disturbed.
    await becomes(worker, place, { state: 'succeeded', attempt: 1 })
    const fresh: Body = await becomes(worker, await send(worker, { task: 'sleep', ms: 0 }), { state: 'succeeded' })
    expect(fresh.attempt).toBe(1)
    expect(await worker.stop()).toBe(0)
    await wire.cut()
  })

  it('at the start leaves the worker running and unready until it comes', { timeout: 40_000 }, async ({
    onTestFinished,
  }) => {
    const world = await createWorld(onTestFinished)
    const wire = await wireTo(world.url)
    await wire.cut()
    const worker = await world.worker({ DATABASE_URL: wire.url })
    const report = await fetch(`${worker.url}/ready`)
    // In our own words: PostgreSQL's name users, databases and addresses.
    const away = { status: 'failing', detail: 'PostgreSQL refuses connections' }
    expect([report.status, await report.json()]).toMatchObject([503, { checks: { database: away, queue: away } }])
    const answer = await ask(worker, 'POST', '/longtask', { body: { task: 'sleep', ms: 0 } })
    expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable'])
    await wire.mend()
    await eventually(async () => expect(await ready(worker)).toBe(200))
    await becomes(worker, await send(worker, { task: 'sleep', ms: 0 }), { state: 'succeeded' })
    await wire.cut()
    expect(await worker.stop()).toBe(0)
  })

  it('for good does not keep a worker from stopping', { timeout: 40_000 }, async ({ onTestFinished }) => {
    const world = await createWorld(onTestFinished)
    const wire = await wireTo(world.url)
    const worker = await world.worker({ DATABASE_URL: wire.url })
    await becomes(worker, await send(worker, { task: 'sleep', ms: 60_000 }), { state: 'running' })
    await wire.cut()
    const started = performance.now()
    expect(await worker.stop()).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
