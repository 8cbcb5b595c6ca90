/** A gateway listening on a port of its own, for tests that talk to it as clients do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { generateKeys } from '@spillway/auth'
import { createContext, type Reloaded, readConfig } from '@spillway/service'
import { buildApp } from '../src/app.ts'
import { settings } from '../src/config.ts'

export const keys = generateKeys()

export interface Gateway {
  url: string
  token(roles?: string[], subject?: string): string
  /** What `/metrics` says of the series that begin so. */
  metric(series: string): Promise<number>
  /** Serves the routes file as it is now, which is `routes` where they are given. */
  reload(routes?: string): Promise<Reloaded>
  close(): Promise<void>
}

export async function startGateway(
  options: { cache?: string; db?: string; instance?: string; routes?: string; settings?: Record<string, string> } = {},
): Promise<Gateway> {
  const folder = await mkdtemp(path.join(tmpdir(), 'spillway-gateway-'))
  const keysFile = path.join(folder, 'keys.json')
  const routesFile = path.join(folder, 'routes.yaml')
  await writeFile(keysFile, keys.signing)
  if (options.routes) await writeFile(routesFile, options.routes)
  const config = readConfig(settings, {
    LOG_LEVEL: 'silent',
    INSTANCE: options.instance ?? 'gateway-1',
    // A busy machine is not what these tests are about.
    SHED_LAG: '0s',
    CACHE_URL: options.cache ?? NOBODY,
    DB_URL: options.db ?? NOBODY,
    // Not the defaults: a stack may be up on this machine.
    MICROSERVICE_URL: NOBODY,
    WORKER_URL: NOBODY,
    REMOTE_URL: NOBODY,
    SIGNING_KEYS_FILE: keysFile,
    ...(options.routes ? { ROUTES_FILE: routesFile } : {}),
    ...options.settings,
  })
  const context = createContext('gateway', config)
  const { app, reload } = await buildApp(config, context, { UPSTREAM: options.db })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  context.lifecycle.ready()
  return {
    url,
    token: (roles = ['reader'], subject = 'ada') => app.signToken({ sub: subject, roles }),
    async metric(series) {
      const text = await context.registry.metrics()
      const lines = text.split('\n').filter((line) => line.startsWith(series))
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    },
    async reload(routes) {
      if (routes !== undefined) await writeFile(routesFile, routes)
      return reload()
    },
    async close() {
      await app.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An address where nothing listens: port 9 (discard) is never given out. */
const NOBODY = 'http://127.0.0.1:9'

/** Asks until `settled`, for what another process or a timer brings about; fails after `withinMs`. */
export async function until<T>(ask: () => Promise<T>, settled: (value: T) => boolean, withinMs = 10_000): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const value = await ask()
    if (settled(value)) return value
    if (performance.now() > end) throw new Error(`still not so after ${withinMs} ms: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** For gateways whose upstreams have only just begun to be looked at. */
export async function usable(gateway: Gateway): Promise<void> {
  await until(
    async () => (await (await fetch(`${gateway.url}/ready`)).json()) as { degraded: string[] },
    ({ degraded }) => !degraded.includes('db') && !degraded.includes('cache'),
  )
}
