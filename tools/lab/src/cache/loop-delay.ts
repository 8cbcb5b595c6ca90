/** The part "loop-delay": how late the cache service's event loop is while it holds 100,000 entries and much is removed. */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CacheClient, createCacheClient, freshOnly } from '@spillway/cache-client'
import { figure, whole } from '../judging/figures.ts'
import { ask } from '../measuring/channel.ts'
import type { PartPlan } from '../measuring/part.ts'
import { freePorts, type Server, serve } from '../measuring/server.ts'
import { figures } from './figures.ts'
import type { LoopDelay } from './processes/loop-probe.ts'
import { CACHE } from './testbed.ts'

const PROBE = fileURLToPath(import.meta.resolve('./processes/loop-probe.ts'))
const ENTRIES = 100_000
const BODY = Buffer.alloc(1000, 'x')
const AT_ONCE = 8
/** Of every four entries, one lives so long; all others an hour. */
const SHORT_MS = 60_000
const HOUR_MS = 3_600_000
const NEVER = new AbortController().signal

type Figure = 'p50' | 'p99' | 'max' | 'lookups'

export const loopDelay = figures<Figure>({
  isOnce: true,
  seconds: 5,
  title: `Loop delay with ${whole(ENTRIES)} entries`,
  about: [
    `The cache service's own, by \`monitorEventLoopDelay\` each millisecond, less that millisecond. Half of ${whole(ENTRIES)} entries of ${whole(BODY.length)} B carry one tag, a quarter expires within ${SHORT_MS / 1000} s. Lookups go to the service one after the other, ${AT_ONCE} at once, from a client without an L1. Where the machine is short of cores, the delay is the system's as much as the service's.`,
  ],
  figures: {
    p50: { title: 'p50 ms', as: figure },
    p99: { title: 'p99 ms', as: figure },
    max: { title: 'max ms', as: figure },
    lookups: { title: 'lookups/s', as: whole },
  },
  async *measure(plan) {
    for (let round = 1; round <= plan.rounds; round++) {
      await using service = await start(plan)
      const { client } = service
      const measured = async (row: string, act: () => Promise<unknown>, seconds = plan.seconds) => {
        await ask(service, 'begin', plan.signal)
        const [lookups, faults] = await Promise.all([lookUp(client, seconds, plan), faultsOf(act)])
        return { row, round, figures: { ...(await ask<LoopDelay>(service, 'delay', plan.signal)), lookups }, faults }
      }
      await fill(client, plan.signal)
      yield measured('lookups', async () => {})
      yield measured('lookups while a quarter expires', async () => {}, SHORT_MS / 1000)
      yield measured('lookups and a purge of 50,000 by tag', () => client.purge({ tags: ['half'] }))
      await fill(client, plan.signal)
      yield measured('lookups and a purge of all', () => client.purge({ all: true }))
    }
  },
})

interface Service extends Server {
  readonly client: CacheClient
}

async function start(plan: PartPlan): Promise<Service> {
  const { signal } = plan
  const [port = 0] = await freePorts(1)
  const settings = { PORT: String(port), CACHE_MAX_BYTES: '1GiB' }
  const command = { file: process.execPath, args: ['--import', PROBE, CACHE] }
  const server = await serve({ name: 'the cache service', command, port, settings, channel: true }, plan)
  const client = createCacheClient({
    url: server.url,
    instance: 'bench',
    logger: { info() {}, warn() {} },
    maxBytes: 0,
  })
  while (!client.state.live) await delay(20, 0, { signal })
  return {
    ...server,
    client,
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

const keyOf = (item: number) => `GET\nhttp://shop/items/${item}\n6:public`

/** Whatever is not there. */
async function fill(client: CacheClient, signal: AbortSignal): Promise<void> {
  let next = 0
  const some = async () => {
    while (next < ENTRIES && !signal.aborted) await put(client, next++)
  }
  await Promise.all(Array.from({ length: 4 * AT_ONCE }, some))
}

async function put(client: CacheClient, item: number): Promise<void> {
  const url = `http://shop/items/${item}`
  // Spread, so that they do not all expire at one moment.
  const windows = freshOnly(item % 4 === 0 ? (SHORT_MS * (1 + ((item / 4) % 100) / 100)) / 2 : HOUR_MS)
  const answer = { status: 200, headers: [['content-type', 'text/plain']] as const, body: BODY, vary: [], fillMs: 1 }
  const tags = [url, item % 2 ? 'half' : 'others']
  const entry = () => ({ ...answer, key: keyOf(item), tags, windows, ageMs: 0, at: performance.now() })
  await client.read(keyOf(item), url, async () => ({ outcome: 'cacheable', entry: entry() }), NEVER)
}

async function faultsOf(act: () => Promise<unknown>): Promise<string[]> {
  return act().then(
    () => [],
    ({ message }: Error) => [message],
  )
}

/** Resolves to how many lookups a second there were. What is missing is not filled. */
async function lookUp(client: CacheClient, seconds: number, { signal }: PartPlan): Promise<number> {
  const until = performance.now() + seconds * 1000
  let asked = 0
  const some = async () => {
    while (performance.now() < until && !signal.aborted) {
      const key = keyOf((asked++ * 7919) % ENTRIES)
      await client.read(key, key, async () => ({ outcome: 'failed', status: 502, error: 'dns_error' }), NEVER)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, some))
  return asked / seconds
}
