/** Runs the worker: jobs are accepted over HTTP, and run, in the same process. */
import { openKeys } from '@spillway/auth'
import { run } from '@spillway/service'
import { buildApp } from './app.ts'
import { settings } from './config.ts'

await run({
  service: 'worker',
  settings,
  environment: process.env,
  async build(config, context) {
    const keys = await openKeys(config, { file: ['VERIFY_KEYS_FILE', config.VERIFY_KEYS_FILE], logger: context.logger })
    const app = await buildApp(config, context, keys)
    return [{ app, host: config.HOST, port: config.PORT }]
  },
})
