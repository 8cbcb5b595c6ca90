/** An upstream like ours, as a process: takes a few milliseconds to answer with what it was sent, and drains when asked to stop. */
import { setTimeout as after } from 'node:timers/promises'
import { commonSettings, createApp, run } from '@spillway/service'

await run({
  service: 'upstream',
  settings: commonSettings,
  environment: process.env,
  async build(config, context) {
    const app = await createApp(context)
    app.all('/*', async ({ body }) => {
      await after(3)
      return body ?? { method: 'none' }
    })
    return [{ app, host: config.HOST, port: config.PORT }]
  },
})
