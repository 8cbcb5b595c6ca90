/** Starts the balancer: the front door, and a port of its own for operators; or, told so, a process that looks after it. */
import { run, supervise } from '@spillway/service'
import { buildAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { settingsFor } from './config.ts'
import { createStanding } from './standing.ts'

const options = { service: 'balancer', settings: settingsFor(process.env), environment: process.env }

if (process.env['SUPERVISED'] === '1') {
  await supervise({
    ...options,
    entry: import.meta.filename,
    // It reads its file again.
    passesOn: process.env['BALANCER_FILE'] ? ['SIGHUP'] : [],
    addresses: ({ HOST, PORT, ADMIN_HOST, ADMIN_PORT }) => [
      { host: HOST, port: PORT },
      { host: ADMIN_HOST, port: ADMIN_PORT },
    ],
  })
}
await run({
  ...options,
  async build(config, context) {
    const standing = await createStanding(config, context)
    // Without a file there is nothing to read again, and SIGHUP ends the process as it always does.
    if ('BALANCER_FILE' in config) process.on('SIGHUP', () => void standing.reload())
    // By default it would end the process, which is the opposite of what was meant.
    process.on('SIGUSR2', () =>
      context.logger.warn('SIGUSR2 is for the process above this one, which SUPERVISED=1 starts'),
    )
    const prepare = () => standing.clusters.known()
    // Servers close in the reverse order: operators can look on while the front door drains.
    return [
      { app: await buildAdmin(config, context, standing), host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      { app: await buildApp(config, context, standing), host: config.HOST, port: config.PORT, prepare },
    ]
  },
})
