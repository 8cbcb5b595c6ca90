/** Starts the gateway: identity, routing, caching, limits. */
import { run } from '@spillway/service'
import { buildApp } from './app.ts'
import { settings } from './config.ts'

await run({
  service: 'gateway',
  settings,
  environment: process.env,
  async build(config, context) {
    return [{ app: await buildApp(config, context, process.env), host: config.HOST, port: config.PORT }]
  },
})
