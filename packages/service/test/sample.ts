/** A small service for the tests of booting and stopping: answers at once, slowly, or never. */
import { Type } from 'typebox'
import { commonSettings, createApp, duration, run } from '../src/index.ts'

const settings = { ...commonSettings, SLOW: duration({ about: 'How long /slow takes.', default: '1s' }) }

await run({
  service: 'sample',
  settings,
  environment: process.env,
  async build(config, context) {
    const app = await createApp(context, { bodyLimit: 1000 })
    app.get(
      '/hello/:name',
      { schema: { params: Type.Object({ name: Type.String({ maxLength: 5 }) }) } },
      (request) => ({
        hello: request.params.name,
      }),
    )
    app.post('/hello', { schema: { body: Type.Object({ n: Type.Integer() }) } }, (request) => request.body)
    app.get('/slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, config.SLOW))
      return 'slow'
    })
    app.get('/fails', () => {
      throw new Error('a secret cause')
    })
    return [{ app, host: config.HOST, port: config.PORT }]
  },
})
