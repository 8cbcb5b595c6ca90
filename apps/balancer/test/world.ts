/** A balancer before real upstreams, in this process or in one of its own. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Cluster } from '@spillway/clusters'
import { createContext, readConfig } from '@spillway/service'
import { expect, onTestFinished } from 'vitest'
import { buildAdmin } from '../src/admin.ts'
import { buildApp } from '../src/app.ts'
import { settingsFor } from '../src/config.ts'
import { createStanding } from '../src/standing.ts'
import { start as startProcess } from './process.ts'

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
  const given = { SPILLWAY_UPSTREAMS: origins.join(','), POLICY: 'round-robin' }
  const started = await start({ ...given, ...(more as object) })
  const { upstreams } = started.clusters.all()[0] as Cluster
  await expect.poll(() => upstreams.available, { timeout: 5000, interval: 10 }).toBe(wait)
  return { ...started, upstreams }
}

/** A balancer in this process by a file; every endpoint is found up. `write` changes the file, and `file` is its name. */
export async function balancerByFile(text: string, more: Record<string, string> = {}) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'balancer-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'balancer.yaml')
  const write = (changed: string) => writeFile(file, changed)
  await write(text)
  const started = await start({ BALANCER_FILE: file, ...more })
  const endpoints = () => started.clusters.all().flatMap(({ upstreams }) => upstreams.endpoints())
  await expect.poll(() => endpoints().every(({ available }) => available), { timeout: 5000, interval: 10 }).toBe(true)
  return { ...started, file, write }
}

async function start(given: Record<string, string>) {
  const environment = { LOG_LEVEL: 'silent', ...given }
  const config = readConfig(settingsFor(environment), environment)
  const context = createContext('balancer', config)
  const standing = await createStanding(config, context)
  const { clusters, reload } = standing
  const admin = await buildAdmin(config, context, standing)
  const front = await buildApp(config, context, standing)
  onTestFinished(async () => {
    front.server.closeAllConnections()
    await front.close()
    await admin.close()
  })
  await admin.listen({ port: 0, host: '127.0.0.1' })
  await front.listen({ port: 0, host: '127.0.0.1' })
  context.lifecycle.ready()
  const url = (app: typeof front) => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return { url: url(front), adminUrl: url(admin), clusters, reload }
}

/** `main.ts` in a process of its own: its first log lines until it is ready, or its end. */
export async function main(environment: Record<string, string>, limits?: { files?: number }) {
  const { urls, ...rest } = await startProcess(
    new URL('../src/main.ts', import.meta.url),
    { ADMIN_PORT: '0', ...environment },
    limits,
  )
  return { ...rest, adminUrl: urls[0] ?? '', url: urls[1] ?? '' }
}
