/** A small service for the tests of booting and stopping: answers at once, slowly, in parts, or never. */
import { setTimeout as after } from 'node:timers/promises'
import { choice, commonSettings, createApp, duration, port, run } from '../src/index.ts'

const settings = {
  ...commonSettings,
  ADMIN_PORT: port({ about: 'Where operators ask.', default: 0 }),
  DRAIN: choice(['graceful', 'immediate'], { about: 'How it stops.', default: 'graceful' }),
  SLOW: duration({ about: 'How long /slow takes.', default: '1s' }),
  BUILD: choice(['works', 'fails', 'waits'], { about: 'How building goes.', default: 'works' }),
}

await run({
  service: 'sample',
  settings,
  environment: process.env,
  drain: process.env['DRAIN'] === 'immediate' ? 'immediate' : 'graceful',
  async build(config, context) {
    if (config.BUILD === 'fails') throw new Error('the routes file has a mistake')
    if (config.BUILD === 'waits') {
      context.logger.info('waiting')
      await after(60_000)
    }
    const app = await createApp(context)
    app.get('/hello', () => 'hello')
    app.get('/slow', async () => {
      await after(config.SLOW)
      return 'slow'
    })
    app.get('/parts', async (_request, reply) => {
      reply.raw.writeHead(200, { 'content-length': '10' })
      reply.raw.write('first')
      reply.hijack()
      await after(config.SLOW)
      reply.raw.end('-last')
    })
    app.get('/never', () => new Promise(() => {}))
    app.get('/throws', () => {
      throw new Error('broken', { cause: new Error('the first cause') })
    })
    app.get('/crashes', (_request, reply) => {
      setImmediate(() => {
        throw new Error('nobody catches this')
      })
      return reply.send('soon')
    })
    app.get('/rejects', (_request, reply) => {
      void Promise.reject(new Error('nobody awaits this'))
      return reply.send('soon')
    })
    app.get('/logs', (request) => {
      const headers = { authorization: 'Bearer hunter2', cookie: 'id=hunter2', accept: '*/*' }
      request.log.warn({ password: 'hunter2', token: 'hunter2', headers, body: { password: 'hunter2' } }, 'secrets')
      request.log.warn({ req: { headers }, login: { token: 'hunter2' } }, 'deeper secrets')
      return 'logged'
    })
    const admin = await createApp(context, { measured: false })
    const order: string[] = []
    admin.addHook('onClose', async () => void order.push('admin'))
    app.addHook('onClose', async () => context.logger.info({ order: [...order, 'app'] }, 'closed'))
    return [
      { app, host: config.HOST, port: config.PORT },
      { app: admin, host: config.HOST, port: config.ADMIN_PORT },
    ]
  },
})
