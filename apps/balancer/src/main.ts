/** Starts the balancer: the front door, and a port of its own for operators. */
import { run } from '@spillway/service'
import { buildAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { settings } from './config.ts'
import { createGateways } from './gateways.ts'

await run({
  service: 'balancer',
  settings,
  environment: process.env,
  async build(config, context) {
    const gateways = createGateways(config, context)
    // Servers close in the reverse order: operators can look on while the front door drains.
    return [
      { app: await buildAdmin(context, gateways), host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      { app: await buildApp(config, context, gateways), host: config.HOST, port: config.PORT },
    ]
  },
})
