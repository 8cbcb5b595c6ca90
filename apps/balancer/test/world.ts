/** A balancer before real upstreams, in this process or in one of its own. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createContext, readConfig } from '@spillway/service'
import { expect, onTestFinished } from 'vitest'
import { buildAdmin } from '../src/admin.ts'
import { buildApp } from '../src/app.ts'
import { settings } from '../src/config.ts'
import { createGateways } from '../src/gateways.ts'
import { start } from './process.ts'

/** Like a gateway: ready when asked, and otherwise `answer`s. */
export async function gateway(answer: http.RequestListener): Promise<{ origin: string; server: http.Server }> {
  const server = http.createServer((request, response) => {
    if (request.url === '/ready') response.end('{"status":"ready"}')
    else answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => stop(server))
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** At once, as if killed. */
export function stop(server: http.Server): void {
  server.close()
  server.closeAllConnections()
}

/** Answers with what it was asked. */
export const echo: http.RequestListener = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method, url, headers } = request
  response.setHeader('x-served-by', `at-${request.socket.localPort}`)
  response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
}

/** A balancer in this process that takes its gateways in turn, found up where `wait` says how many. */
export async function balancer(
  origins: readonly string[],
  { wait = origins.length, ...more }: Record<string, unknown> & { wait?: number } = {},
) {
  const config = readConfig(settings, {
    SPILLWAY_UPSTREAMS: origins.join(','),
    POLICY: 'round-robin',
    LOG_LEVEL: 'silent',
    ...(more as object),
  })
  const context = createContext('balancer', config)
  const gateways = createGateways(config, context)
  const admin = await buildAdmin(context, gateways)
  const front = await buildApp(config, context, gateways)
  onTestFinished(async () => {
    front.server.closeAllConnections()
    await front.close()
    await admin.close()
  })
  await admin.listen({ port: 0, host: '127.0.0.1' })
  await front.listen({ port: 0, host: '127.0.0.1' })
  context.lifecycle.ready()
  await expect.poll(() => gateways.upstreams.available, { timeout: 5000, interval: 10 }).toBe(wait)
  const url = (app: typeof front) => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return { url: url(front), adminUrl: url(admin), upstreams: gateways.upstreams }
}

/** `main.ts` in a process of its own: its first log lines until it is ready, or its end. */
export async function main(environment: Record<string, string>, limits?: { files?: number }) {
  const { urls, ...rest } = await start(
    new URL('../src/main.ts', import.meta.url),
    { ADMIN_PORT: '0', ...environment },
    limits,
  )
  return { ...rest, adminUrl: urls[0] ?? '', url: urls[1] ?? '' }
}
