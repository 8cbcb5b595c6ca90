/** Starts the cache service. Stopping drops everything at once: its gateways rely on noticing that it is gone. */
import { run } from '@spillway/service'
import { buildApp } from './app.ts'
import { settings } from './config.ts'

await run({
  service: 'cache',
  settings,
  environment: process.env,
  drain: 'immediate',
  build: async (config, context) => [{ app: await buildApp(config, context), host: config.HOST, port: config.PORT }],
})
