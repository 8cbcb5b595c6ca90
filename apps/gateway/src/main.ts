/** Starts the gateway: identity, routing, caching, limits. */
import { run } from '@spillway/service'
import { buildApp } from './app.ts'
import { settings } from './config.ts'

await run({
  service: 'gateway',
  settings,
  environment: process.env,
  async build(config, context) {
    const { app, reload } = await buildApp(config, context, process.env)
    process.on('SIGHUP', () => void reload())
    return [{ app, host: config.HOST, port: config.PORT }]
  },
})
