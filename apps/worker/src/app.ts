/** The worker: accepts jobs for gateways on the private network, and runs those that any worker accepted. */
import { availableParallelism } from 'node:os'
import { type AuthOptions, auth, RevocationFeed } from '@spillway/auth'
import { Database } from '@spillway/postgres'
import { createApp, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { Endings } from './endings.ts'
import { Jobs } from './jobs.ts'
import { measureJobs, measureQueue } from './measure.ts'
import { Queue } from './queue.ts'
import { revocationsFrom } from './revocations.ts'
import { longtaskRoutes } from './routes/longtask.ts'
import { Runner } from './runner.ts'
import { sweepProgress } from './sweep.ts'
import { buildTasks } from './tasks/tasks.ts'

/** Bytes: requests name a task and a few numbers. */
const BODY_LIMIT = 16_384
/** Milliseconds that jobs under way get from the beginning of a stop, of the 10 s that all of it may take. */
const GRACE_MS = 7_000

export async function buildApp(
  config: Pick<Config, 'DATABASE_URL' | 'DB_URL' | 'JOB_CONCURRENCY'>,
  context: ServiceContext,
  keys: AuthOptions['keys'],
) {
  const { lifecycle, logger, registry } = context
  const database = new Database({ url: config.DATABASE_URL, probe: 'SELECT FROM job_progress LIMIT 0' }, context)
  const queue = new Queue(config.DATABASE_URL, database, context)
  const threads = Math.min(config.JOB_CONCURRENCY, availableParallelism())
  const { tasks, close: closeTasks } = buildTasks({ itemsFrom: config.DB_URL, threads })
  const measures = measureJobs(registry, [...tasks.keys()])
  const runner = new Runner({ tasks, concurrency: config.JOB_CONCURRENCY, measures, logger, random: Math.random })
  const endings = new Endings(database, lifecycle.draining)
  measureQueue(registry, { database, running: () => runner.running })

  const app = await createApp(context, {
    bodyLimit: BODY_LIMIT,
    checks: { database: database.check, queue: queue.check },
  })
  const revocations = new RevocationFeed({ read: revocationsFrom(config.DB_URL), logger })
  await app.register(auth, { keys, revocations })
  await app.register(longtaskRoutes, { jobs: new Jobs(queue, database), tasks, endings, measures })

  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= runner.stop(GRACE_MS)
    return stopped
  }
  // Other workers take over while this one still answers.
  lifecycle.draining.addEventListener('abort', () => void stop(), { once: true })
  const sweep = sweepProgress(database, logger)
  app.addHook('onReady', async () => {
    await queue.start((boss) => runner.begin(boss))
    await database.watch()
  })
  app.addHook('onClose', async () => {
    sweep.close()
    await stop()
    await queue.close()
    await closeTasks()
    await database.close()
  })
  return app
}
