/** Every panel of every dashboard has something to show: asked of a real Prometheus, over a stack under load with faults in it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Panel } from '../src/dashboard.ts'
import { dashboards } from '../src/files.ts'
import { hasK6, hasPrometheus, type Series, until, World } from './world.ts'

const panels = dashboards.flatMap(({ uid, rows }) =>
  rows.flatMap((row) => row.panels.map((panel) => ({ name: `${uid}: ${panel.title}`, panel }))),
)
const ofStack = panels.filter(({ panel }) => panel.source === undefined)
const ofK6 = panels.filter(({ panel }) => panel.source === 'k6')
/** Seconds that Grafana's window has here: four scrapes and one. */
const WINDOW = '5s'

const filled = (expr: string) =>
  expr.replaceAll('$__rate_interval', WINDOW).replaceAll('$job', '.*').replaceAll('$instance', '.*')

/** What there is to draw, every query's last `seconds` together. */
async function shown(world: World, { queries }: Panel, seconds: number): Promise<Series[][]> {
  return Promise.all(queries.map(({ expr }) => world.range(filled(expr), seconds)))
}

const figures = (series: Series[]) =>
  series.flatMap(({ values }) => values.map(([, value]) => Number(value))).filter((value) => !Number.isNaN(value))

if (hasPrometheus) describe('the dashboards over a stack under load', { timeout: 120_000 }, underLoad)
else it.skip('the dashboards, without Prometheus', () => {})

function underLoad(): void {
  let world: World
  let token = ''
  /** Of the panels that show traffic, by name: how high they stood while nobody asked. */
  const idle = new Map<string, number>()
  /** Seconds since the faults began, so that all of them are in sight. */
  let since = 0
  const seconds = () => Math.ceil((Date.now() - since) / 1000)

  beforeAll(async () => {
    world = await World.start()
    token = await world.make('token')
    const editor = await world.make('token', { ROLE: 'editor' })
    // Signing in was traffic, too; that services look for what was revoked is none.
    const rate = `rate(spillway_upstream_requests_total{job="balancer"}[${WINDOW}])`
    await until('an idle window', async () => (await world.now(rate)) === 0)
    for (const { name, panel } of ofStack.filter((each) => each.panel.traffic)) {
      idle.set(name, Math.max(0, ...(await shown(world, panel, 0)).flatMap(figures)))
    }
    since = Date.now()
    const ending = new AbortController()
    const load = under(ending.signal, token, editor)
    try {
      await plant()
      await until('the stack whole again', async () => (await world.make('status')) !== '')
      if (hasK6) await world.k6(4, token)
    } finally {
      ending.abort()
      await load
    }
  }, 180_000)
  afterAll(() => world?.stop(), 60_000)

  const send = (path: string, as: string, method = 'GET', json?: unknown) =>
    fetch(`${world.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${as}`, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
      body: json === undefined ? null : JSON.stringify(json),
    })

  /** Reads, writes, computations and jobs, until told to end. */
  async function under(signal: AbortSignal, reader: string, editor: string): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const key = `seen-${turn % 7}`
      await Promise.all([
        send(`/data/${key}`, editor, 'PUT', { value: turn }),
        send(`/data/alpha`, reader),
        send(`/data/beta`, reader),
        send(`/process?key=${key}&n=1000`, reader),
        ...(turn % 10 === 0 ? [send('/longtask', reader, 'POST', { task: 'primes', n: 1000 })] : []),
      ]).then((answers) => Promise.all(answers.map((answer) => answer.text())))
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }

  /** One 5xx, one ejection, one failed job; resolves when all are seen. */
  async function plant(): Promise<void> {
    world.remoteStatus = 500
    await until('an ejection', async () => {
      await (await send('/', token)).text()
      return (await world.now('spillway_upstream_condition{upstream="remote",condition="ejected"}')) > 0
    })
    await until(
      'a 5xx',
      async () => (await world.now('http_server_request_duration_seconds_count{http_response_status_code="500"}')) > 0,
    )
    // A report reads the db service, which the supervisor brings back as often as it is killed.
    let id = ''
    await until('a failed job', async () => {
      await killDb()
      const job = id && ((await (await send(`/longtask/${id}`, token)).json()) as { state: string })
      // One that found the db service between two kills proves nothing.
      if (!job || job.state === 'succeeded') {
        const accepted = await send('/longtask', token, 'POST', { task: 'report' })
        id = ((await accepted.json()) as { id: string }).id
      }
      return job !== '' && job.state === 'failed'
    })
    await until('its outcome', async () => (await world.now('spillway_worker_jobs_total{outcome="failed"}')) > 0)
  }

  /** Only one that answers: until the next start the pid of a dead one could be anybody's. */
  async function killDb(): Promise<void> {
    const db = world.services().find(({ role }) => role === 'db')
    if (!db) return
    const answer = await fetch(`${db.url}/health`).catch(() => undefined)
    if (answer?.ok) process.kill(db.pid, 'SIGKILL')
  }

  it.each(ofStack)('$name: no error, and something to draw', async ({ panel }) => {
    for (const [index, series] of (await shown(world, panel, seconds())).entries()) {
      expect(figures(series).length, panel.queries[index]?.expr).toBeGreaterThan(0)
    }
  })

  it.each(ofStack.filter(({ panel }) => panel.traffic))('$name: moves with the load', async ({ name, panel }) => {
    const highest = Math.max(...(await shown(world, panel, seconds())).flatMap(figures))
    expect(highest).toBeGreaterThan(idle.get(name) ?? Number.NaN)
  })

  it.each([
    ['overview: Errors', '500'],
    ['balancing: Ejected', 'remote'],
    ['jobs: Outcomes', 'failed'],
  ])('%s shows what was planted: %s', async (title, label) => {
    const panel = panels.find(({ name }) => name === title)?.panel as Panel
    const series = (await shown(world, panel, seconds())).flat()
    const planted = series.filter(({ metric }) => Object.values(metric).includes(label))
    expect(Math.max(...figures(planted))).toBeGreaterThan(0)
  })

  if (!hasK6) it.skip('the panels of k6, without k6', () => {})
  else
    it.each(ofK6)('$name: what k6 wrote', async ({ panel }) => {
      expect((await shown(world, panel, seconds())).flatMap(figures).length).toBeGreaterThan(0)
    })
}
