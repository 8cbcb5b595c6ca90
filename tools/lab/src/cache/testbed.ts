/** What the cache is measured on: an origin that counts, one cache service, and gateways, each a process of its own. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { auth, generateKeys, parseKeys } from '@spillway/auth'
import fastify from 'fastify'
import { request } from 'undici'
import { ask } from '../measuring/channel.ts'
import type { Means } from '../measuring/sample.ts'
import { freePorts, type Server, serve } from '../measuring/server.ts'
import { LabError, ROOT } from '../stack.ts'
import type { OriginCounts, OriginPlan } from './processes/origin.ts'

const ORIGIN = fileURLToPath(import.meta.resolve('./processes/origin.ts'))
const GATEWAY = path.join(ROOT, 'apps/gateway/src/main.ts')
export const CACHE = path.join(ROOT, 'apps/cache/src/main.ts')
const USABLE_WITHIN_MS = 20_000

export interface TestbedPlan {
  readonly origin: Omit<OriginPlan, 'port'>
  readonly gateways: number
  /** Settings of the gateways and of the cache service, beside those they must have. */
  readonly gateway?: Readonly<Record<string, string>>
  readonly cache?: Readonly<Record<string, string>>
  /** Options of Node for both. */
  readonly node?: readonly string[]
  /** What the route says of its cache beside its scope, such as `earlyRefresh: 0`. */
  readonly route?: string
  /** Routes in place of the usual ones, each as the routes file has it, such as `path: /a, methods: [GET], auth: public`. */
  readonly routes?: readonly string[]
}

export interface Member extends Server {
  readonly url: string
}

export interface Testbed extends AsyncDisposable {
  readonly origin: Member
  readonly cache: Member
  readonly gateways: readonly Member[]
  /** Of a client who is signed in, and may do everything. */
  readonly headers: Readonly<Record<string, string>>
  /** The file of the keys that tokens are signed with: a JWK set. */
  readonly keys: string
  /** Another gateway, on a core of its own where one is given. */
  addGateway(settings?: Readonly<Record<string, string>>, core?: number): Promise<Member>
  /** Has the origin count from now on. */
  begin(): Promise<void>
  counts(): Promise<OriginCounts>
}

/** Resolves when every gateway has its session and finds the origin usable. */
export async function startTestbed(plan: TestbedPlan, means: Means): Promise<Testbed> {
  const owned = new AsyncDisposableStack()
  try {
    return await start(plan, means, owned)
  } catch (error) {
    await owned.disposeAsync()
    throw error
  }
}

async function start(plan: TestbedPlan, means: Means, owned: AsyncDisposableStack): Promise<Testbed> {
  const { folder, signal, cores } = means
  const { file, headers } = await credentials(folder)
  const routes = path.join(folder, 'routes.yaml')
  writeFileSync(routes, routesFile(plan.routes ?? usualRoutes(plan.route)))
  const { node = [] } = plan
  let started = 0
  const launch = async (name: string, args: string[], port: number, settings = {}, core?: number, channel = false) => {
    started++
    const own = { PORT: String(port), ...settings }
    return owned.use(
      await serve({ name, command: { file: process.execPath, args }, port, settings: own, core, channel }, means),
    )
  }
  const [originPort = 0, cachePort = 0] = await freePorts(2)
  const told = JSON.stringify({ ...plan.origin, port: originPort })
  const origin = await launch('the origin', [ORIGIN, told], originPort, {}, cores.upstreams, true)
  const cache = await launch('the cache service', [...node, CACHE], cachePort, plan.cache, cores.upstreams)
  const addGateway = async (settings: Readonly<Record<string, string>> = {}, core?: number) => {
    const [port = 0] = await freePorts(1)
    const own = { INSTANCE: `gateway-${started}`, CACHE_URL: cache.url, DB_URL: origin.url }
    const files = { ROUTES_FILE: routes, SIGNING_KEYS_FILE: file }
    const gateway = await launch(
      'a gateway',
      [...node, GATEWAY],
      port,
      { ...own, ...files, ...plan.gateway, ...settings },
      core,
    )
    await usable(gateway.url, signal)
    return gateway
  }
  const gateways: Member[] = []
  while (gateways.length < plan.gateways) gateways.push(await addGateway())
  return {
    origin,
    cache,
    gateways,
    headers,
    keys: file,
    addGateway,
    begin: () => ask(origin, 'begin', signal),
    counts: () => ask<OriginCounts>(origin, 'counts', signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Signed as a gateway signs, with keys that only these processes know. */
async function credentials(folder: string) {
  const file = path.join(folder, 'keys.json')
  const { signing } = generateKeys()
  writeFileSync(file, signing, { mode: 0o600 })
  const signer = fastify()
  await signer.register(auth, { keys: parseKeys(signing, file) })
  const token = signer.signToken({ sub: 'bench', roles: ['admin', 'editor', 'reader'] })
  await signer.close()
  return { file, headers: { authorization: `Bearer ${token}` } }
}

function usualRoutes(route = ''): string[] {
  const cache = ['scope: public', ...(route === '' ? [] : [route])].join(', ')
  return [
    `path: "/items/{key}", methods: [GET], auth: signed-in, cache: { ${cache} }`,
    'path: "/items/{key}", methods: [PUT], auth: signed-in',
  ]
}

function routesFile(routes: readonly string[]): string {
  const declared = routes.map((route) => `  - { upstream: db, ${route} }`)
  return ['upstreams:', `  db: { endpoints: "\${DB_URL}", check: /ready }`, 'routes:', ...declared, ''].join('\n')
}

/** Without anything it calls missing. */
async function usable(url: string, signal: AbortSignal): Promise<void> {
  let missing = ''
  for (const until = performance.now() + USABLE_WITHIN_MS; performance.now() < until; await delay(50)) {
    signal.throwIfAborted()
    const { body } = await request(`${url}/ready`)
    missing = ((await body.json()) as { degraded: string[] }).degraded.join(', ')
    if (missing === '') return
  }
  throw new LabError(`a gateway is without ${missing}`)
}
