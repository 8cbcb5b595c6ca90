/** The part "l2": our cache service on one core, beside Valkey or Redis, asked by the client that gateways ask with. */
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Command, findOnPath } from '../generators/pin.ts'
import type { Asked, Client } from '../measuring/client.ts'
import { loadIn } from '../measuring/load-in.ts'
import { compared, type PartPlan, turns } from '../measuring/part.ts'
import { type Means, measured, type Sample, type Served } from '../measuring/sample.ts'
import { freePorts, type ServerPlan, serve } from '../measuring/server.ts'
import { versionSaid } from '../measuring/versions.ts'
import type { Environment } from '../settings.ts'
import type { L2Plan } from './processes/l2-client.ts'
import { CACHE } from './testbed.ts'

const L2_CLIENT = fileURLToPath(import.meta.resolve('./processes/l2-client.ts'))
const OURS = 'cache service'
const BYTES = 1000
const CONNECTIONS = 64
/** Seconds beside the load's, in which what is read is filled. */
const ASIDE = 30
const CASES = {
  read: `hit, ${BYTES} B`,
  fill: `miss: lease and fill, ${BYTES} B`,
  purge: 'purge of a tag',
} as const satisfies Record<L2Plan['does'], string>

interface Store extends Pick<ServerPlan, 'ready'> {
  readonly name: string
  launch(port: number): Command & { readonly url: string; readonly settings?: Readonly<Record<string, string>> }
}

export const l2 = compared({
  seconds: 5,
  title: 'The cache service beside Valkey or Redis',
  about: [
    `The store on a core of its own, asked ${CONNECTIONS} times at once by the client that gateways use, without an L1. Each miss is granted the lease and stores what it "fetched". With the cache service a purge waits for the session's confirmation; Valkey has no sessions. Where a store is LIMITED, the client was: its rate is what a gateway gets out of it, its CPU what that costs.`,
  ],
  peers: [['x ours', OURS]],
  measure: measureL2,
})

async function* measureL2(plan: PartPlan): AsyncGenerator<Sample> {
  const stores = [ours, ...(await valkey(plan.environment))]
  const kinds = Object.entries(CASES) as [L2Plan['does'], string][]
  for (const { round, kind, contender: store } of turns(plan.rounds, kinds, stores)) {
    const [does, name] = kind
    const answer = { path: '', body: does === 'purge' ? '' : 'x'.repeat(BYTES) }
    const asked: Asked = { name, method: 'GET', connections: CONNECTIONS, sends: 0, answer }
    const row = { case: name, contender: store.name, round }
    const client = l2Client(does)
    yield measured(row, () => start(store, plan), { ...plan, client, asked, look: async () => [] })
  }
}

const ours: Store = {
  name: OURS,
  launch: (port) => ({
    file: process.execPath,
    args: [CACHE],
    url: `http://127.0.0.1:${port}`,
    settings: { PORT: String(port), CACHE_MAX_BYTES: '1GiB' },
  }),
}

/** Nothing on disk, and as much room; none where it is not installed. */
async function valkey(environment: Environment): Promise<Store[]> {
  const found = ['valkey-server', 'redis-server'].map((name) => [name, findOnPath(name, environment['PATH'])] as const)
  const [name, file] = found.find(([, file]) => file !== undefined) ?? []
  if (!name || !file) return []
  const version = await versionSaid(file, '--version', /v=(\S+)/)
  const own = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory', '1gb']
  const launch: Store['launch'] = (port) => ({
    file,
    args: ['--port', String(port), ...own, '--maxmemory-policy', 'allkeys-lru'],
    url: `redis://127.0.0.1:${port}`,
  })
  return [{ name: `${name === 'valkey-server' ? 'Valkey' : 'Redis'} ${version}`, launch, ready: pong }]
}

async function pong(url: string, signal: AbortSignal): Promise<void> {
  const { port, hostname } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  try {
    socket.write('PING\r\n')
    const [said] = await once(socket, 'data', { signal })
    if (!String(said).startsWith('+PONG')) throw new Error(`it said ${String(said).trim()}`)
  } finally {
    socket.destroy()
  }
}

async function start({ launch, ...store }: Store, means: Means): Promise<Served> {
  const [port = 0] = await freePorts(1)
  const { url, settings = {}, ...command } = launch(port)
  return { ...(await serve({ ...store, command, port, settings, core: means.cores.contender }, means)), url }
}

/** In a process of its own, as a gateway is one. */
function l2Client(does: L2Plan['does']): Client {
  const name = 'the client of the shared cache'
  let runs = 0
  return {
    name,
    load({ url, asked, seconds, core, environment, signal }) {
      const within = (seconds + ASIDE) * 1000
      const plan: L2Plan = { url, does, connections: asked.connections, seconds, bytes: BYTES, name: `run${++runs}` }
      return loadIn(L2_CLIENT, plan, { name, core, environment, within, signal })
    },
  }
}
