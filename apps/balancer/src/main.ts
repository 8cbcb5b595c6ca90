/** Starts the balancer: the front door, and a port of its own for operators. */
import { run } from '@spillway/service'
import { buildAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { createClusters } from './clusters.ts'
import { settings } from './config.ts'

await run({
  service: 'balancer',
  settings,
  environment: process.env,
  async build(config, context) {
    const clusters = createClusters(config, context)
    // Servers close in the reverse order: operators can look on while the front door drains.
    return [
      { app: await buildAdmin(config, context, clusters), host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      { app: await buildApp(config, context, clusters), host: config.HOST, port: config.PORT },
    ]
  },
})
