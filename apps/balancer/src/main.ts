/** Starts the balancer: the front door, and a port of its own for operators; or, told so, a process that looks after it. */
import { run, supervise } from '@spillway/service'
import { buildAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { settings } from './config.ts'
import { createGateways } from './gateways.ts'
import { known } from './known.ts'

const options = { service: 'balancer', settings, environment: process.env }

if (process.env['SUPERVISED'] === '1') {
  await supervise({
    ...options,
    entry: import.meta.filename,
    tells: { SUPERVISED: '0' },
    addresses: ({ HOST, PORT, ADMIN_HOST, ADMIN_PORT }) => [
      { host: HOST, port: PORT },
      { host: ADMIN_HOST, port: ADMIN_PORT },
    ],
  })
}
await run({
  ...options,
  async build(config, context) {
    const gateways = createGateways(config, context)
    const prepare = () => known(() => gateways.upstreams.endpoints())
    // Servers close in the reverse order: operators can look on while the front door drains.
    return [
      { app: await buildAdmin(context, gateways), host: config.ADMIN_HOST, port: config.ADMIN_PORT },
      { app: await buildApp(config, context, gateways), host: config.HOST, port: config.PORT, prepare },
    ]
  },
})
