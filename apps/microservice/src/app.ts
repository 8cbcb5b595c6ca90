/** The microservice as a server of one process that listens to nothing yet. */
import { type AppOptions, type Caching, createApp, type ServiceContext } from '@spillway/service'
import { Computations } from './computations.ts'
import type { Config } from './config.ts'
import { processRoutes } from './routes/process.ts'
import { rootRoutes } from './routes/root.ts'
import { stressTestRoutes } from './routes/stress-test.ts'

/** `options` is what this process knows of the others: whether they are well, and the metrics of all. */
export async function buildApp(
  config: Caching & Pick<Config, 'PROCESS_LATENCY'>,
  context: ServiceContext,
  options: Pick<AppOptions, 'checks' | 'metrics'> = {},
) {
  const { registry, instance } = context
  const computations = new Computations(registry)
  const app = await createApp(context, options)
  await app.register(rootRoutes, { instance })
  await app.register(processRoutes, {
    computations,
    registry,
    caching: config,
    latencyMs: config.PROCESS_LATENCY,
  })
  await app.register(stressTestRoutes, { computations })
  return app
}
