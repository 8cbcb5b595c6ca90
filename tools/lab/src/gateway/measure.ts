/** Each feature of a route on one core, in the gateway and in what others use for it, one process after another. */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { bodyOf } from '../cache/items.ts'
import { startTestbed, type Testbed } from '../cache/testbed.ts'
import { BARE, fieldsToSend, startBareRoute } from '../measuring/bare-route.ts'
import type { Asked, Client } from '../measuring/client.ts'
import { inWords, type Means, measured, rotated, type Sample, type Served } from '../measuring/sample.ts'
import { freePorts, startServer } from '../measuring/server.ts'
import { FEATURES, type Feature, PLAIN, type Plugin, routeOf } from './features.ts'
import type { UsualStackPlan } from './processes/usual-stack.ts'

const USUAL_STACK = fileURLToPath(import.meta.resolve('./processes/usual-stack.ts'))
export const SPILLWAY = 'Spillway'
export const USUAL = 'http-proxy, jwt, rate-limit'
const BYTES = 1000
const CONNECTIONS = 64
/** Nothing expires meanwhile. */
const ORIGIN = { bytes: BYTES, latencyMs: 0, caching: 'public, max-age=3600' }
const CACHE = { CACHE_MAX_BYTES: '1GiB' }
/** More than are asked for in the longest load. */
const NEVER_AGAIN = 1_000_000

export interface FeaturesPlan extends Means {
  readonly client: Client
  readonly features?: readonly Feature[]
  /** How often each row has its turn. */
  readonly turns: number
  /** Of a turn. */
  readonly seconds: number
}

interface Row {
  readonly feature: Feature
  readonly contender: string
  start(): Promise<Served>
}

/**
 * A machine's pace can change by a third within a minute, which is more than a feature costs. So turns are short, and what is
 * compared is what had its turn at about the same time; all processes live from their first turn to the end.
 */
export async function measureFeatures({ features = FEATURES, ...plan }: FeaturesPlan): Promise<Sample[]> {
  const routes = features.map(routeOf)
  await using bed = await startTestbed({ origin: ORIGIN, cache: CACHE, gateways: 0, routes }, plan)
  await using started = new AsyncDisposableStack()
  const rows = features.flatMap((feature) => rowsOf(feature, bed, plan)).map((row) => kept(row, started))
  const samples: Sample[] = []
  let loads = 0
  for (let turn = 1; turn <= plan.turns; turn++) {
    for (const { feature, contender, start } of rotated(rows, turn - 1)) {
      const row = { case: feature.name, contender, round: turn }
      const warmUp = turn === 1 && askedOf(feature, bed, loads++)
      const sample = await measured(row, start, { ...plan, asked: askedOf(feature, bed, loads++), warmUp })
      samples.push(sample)
      plan.say(`  ${feature.name}, turn ${turn}, ${contender}: ${inWords(sample)}`)
    }
  }
  return samples
}

/** Started for its first turn; whoever takes it does not end it. */
function kept({ start, ...row }: Row, started: AsyncDisposableStack): Row {
  let server: Promise<Served> | undefined
  return {
    ...row,
    start: async () => {
      server ??= start().then((served) => started.use(served))
      return { ...(await server), [Symbol.asyncDispose]: async () => {} }
    },
  }
}

function rowsOf(feature: Feature, bed: Testbed, plan: Means): Row[] {
  const { usual } = feature
  return [
    { feature, contender: SPILLWAY, start: () => bed.addGateway({}, plan.cores.contender) },
    ...(usual ? [{ feature, contender: USUAL, start: () => startUsual(feature, usual, bed, plan) }] : []),
    ...(feature.name === PLAIN ? [{ feature, contender: BARE, start: () => startBare(feature, bed, plan) }] : []),
  ]
}

/** `load`: no two ask for the same items, where these are to be new. */
function askedOf({ name, at, headers, isNew = false }: Feature, bed: Testbed, load: number): Asked {
  const answer = { path: `/${at}/item?n=${isNew ? '' : '1'}`, body: bodyOf(1, BYTES) }
  const sent = { ...bed.headers, ...headers }
  const common = { name, method: 'GET', connections: CONNECTIONS, sends: 0, headers: sent, answer } as const
  return isNew ? { ...common, numbered: { first: load * NEVER_AGAIN, count: NEVER_AGAIN } } : common
}

async function startUsual(
  { at }: Feature,
  plugins: readonly Plugin[],
  { origin, keys }: Testbed,
  { folder, environment, cores, signal }: Means,
): Promise<Served> {
  const [port = 0] = await freePorts(1)
  const told: UsualStackPlan = { port, upstream: origin.url, path: `/${at}`, plugins, keys }
  const url = `http://127.0.0.1:${port}`
  const server = await startServer(
    {
      name: USUAL,
      command: { file: process.execPath, args: [USUAL_STACK, JSON.stringify(told)] },
      environment: { PATH: environment['PATH'], NODE_ENV: 'production' },
      core: cores.contender,
      log: path.join(folder, 'usual-stack.log'),
      url: `${url}/ready`,
    },
    signal,
  )
  return { ...server, url }
}

/** It sends what a gateway sends, and asks nobody. */
async function startBare({ at }: Feature, bed: Testbed, plan: Means): Promise<Served> {
  await using gateway = await bed.addGateway()
  const { headers, body } = await request(`${gateway.url}/${at}/item?n=1`, { headers: bed.headers })
  return startBareRoute({ path: `/${at}/item`, headers: fieldsToSend(headers), body: await body.text() }, plan)
}
