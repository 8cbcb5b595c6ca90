/** Starts the balancer: the front door, and a port of its own for operators. */
import { run } from '@spillway/service'
import { buildAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { createClusters } from './clusters.ts'
import { settingsFor } from './config.ts'

await run({
  service: 'balancer',
  settings: settingsFor(process.env),
  environment: process.env,
  async build(config, context) {
    const clusters = await createClusters(config, context)
    // Without a file there is nothing to read again, and SIGHUP ends the process as it always does.
    if ('BALANCER_FILE' in config) process.on('SIGHUP', () => void clusters.reload())
    // Servers close in the reverse order: operators can look on while the front door drains.
    return [
      { app: await buildAdmin(config, context, clusters), host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      { app: await buildApp(config, context, clusters), host: config.HOST, port: config.PORT },
    ]
  },
})
