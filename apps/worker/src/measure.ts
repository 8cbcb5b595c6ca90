/** The worker's own metrics. */
import { Counter, Gauge, Histogram, type Registry } from '@spillway/metrics'
import type { Database, Statement } from '@spillway/postgres'
import { DEAD_LETTERS, QUEUE } from './queue.ts'

export interface Measures {
  readonly jobs: Counter<'task' | 'outcome'>
  readonly duration: Histogram<'task'>
}

/** @param tasks the names of those that there are */
export function measureJobs(registry: Registry, tasks: readonly string[]): Measures {
  const registers = [registry]
  const measures: Measures = {
    jobs: new Counter({
      name: 'spillway_worker_jobs_total',
      help: 'What became of runs here: succeeded, failed for good, retried; and jobs cancelled through this process.',
      labelNames: ['task', 'outcome'],
      registers,
    }),
    duration: new Histogram({
      name: 'spillway_worker_job_duration_seconds',
      help: 'Duration of runs, whatever became of them.',
      labelNames: ['task'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
      registers,
    }),
  }
  // A series that begins at 1 has not grown, for Prometheus: it would miss the first.
  for (const task of tasks) {
    for (const outcome of ['succeeded', 'failed', 'retried', 'cancelled']) measures.jobs.inc({ task, outcome }, 0)
  }
  return measures
}

interface Depth {
  queued: number
  active: number
  dead: number
  /** Seconds; null where no job is due. */
  oldest: number | null
}

/** pg-boss's own counts, which it refreshes each second, and the head of its index: two rows read, however long the queue. */
const DEPTH: Statement = {
  name: 'queue_depth',
  text: `
    SELECT jobs.queued_count AS queued, jobs.active_count AS active, dead.queued_count AS dead,
      (SELECT extract(epoch FROM now() - greatest(created_on, start_after))::float8 FROM pgboss.job
       WHERE name = jobs.name AND state < 'active' AND NOT blocked AND start_after <= now()
       ORDER BY priority DESC, created_on LIMIT 1) AS oldest
    FROM pgboss.queue AS jobs, pgboss.queue AS dead
    WHERE jobs.name = '${QUEUE}' AND dead.name = '${DEAD_LETTERS}'`,
}
const ASK_EVERY_MS = 1_000
const ANSWER_WITHIN_MS = 1_000

export interface Watched {
  database: Database
  /** Jobs under way in this process. */
  running: () => number
}

/** Gauges over the whole queue, asked for when somebody reads them. While PostgreSQL is away they have no value. */
export function measureQueue(registry: Registry, { database, running }: Watched): void {
  const depth = remembered(async () => {
    const caller = { signal: new AbortController().signal, deadlineAt: performance.now() + ANSWER_WITHIN_MS }
    const rows = await database.query<Depth>(DEPTH, [], caller).catch(() => [])
    return rows[0]
  })
  const registers = [registry]
  new Gauge({
    name: 'spillway_worker_running',
    help: 'Jobs under way in this process.',
    registers,
    collect() {
      this.set(running())
    },
  })
  new Gauge({
    name: 'spillway_worker_queue_depth',
    help: 'Jobs of all workers: queued (those that rest before they are tried again too) and running.',
    labelNames: ['state'],
    registers,
    async collect() {
      const known = await depth()
      this.reset()
      if (!known) return
      this.set({ state: 'queued' }, known.queued)
      this.set({ state: 'running' }, known.active)
    },
  })
  const whole = (name: string, help: string, read: (known: Depth) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const known = await depth()
        this.set(known ? read(known) : Number.NaN)
      },
    })
  whole('spillway_worker_oldest_waiting_seconds', 'How long the next job has been due; 0 where none is.', (known) =>
    Math.max(0, known.oldest ?? 0),
  )
  whole('spillway_worker_dead_letters', 'Jobs that failed for good and were not driven again.', ({ dead }) => dead)
}

/** Asks at most once a second; those who come meanwhile share the answer. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (answer && now - askedAt < ASK_EVERY_MS) return answer
    askedAt = now
    answer = ask()
    return answer
  }
}
