/** A gateway's client of a shared cache, without the gateway: reads, fills or purges as fast as it is answered. */
import { setImmediate as breathe } from 'node:timers/promises'
import { type CacheClient, type Entry, type Fill, freshOnly, openCache } from '@spillway/cache-client'
import { answerOnce } from '../../measuring/channel.ts'
import type { ClientLoad } from '../../measuring/client.ts'
import { percentile } from '../../measuring/spread.ts'
import { bodyOf } from '../items.ts'

export interface L2Plan {
  /** The cache service, or Valkey or Redis. */
  readonly url: string
  readonly does: 'read' | 'fill' | 'purge'
  /** Of them at once. */
  readonly connections: number
  readonly seconds: number
  /** Of an entry's body. */
  readonly bytes: number
  /** So that no run fills what another has. */
  readonly name: string
}

/** What is read: enough that no two wait for the same lookup. */
const KEPT = 2000
const HOUR_MS = 3_600_000
const CONNECTED_WITHIN_MS = 5000
const never = new AbortController().signal

type Act = (client: CacheClient, number: number) => Promise<string | undefined>

/** Each resolves to what went wrong. */
function acts({ bytes, name }: L2Plan): Record<L2Plan['does'], Act> {
  const body = Buffer.from(bodyOf(1, bytes))
  const entry = (key: string): Entry => ({
    ...{ key, status: 200, body, ageMs: 0, at: performance.now(), windows: freshOnly(HOUR_MS), fillMs: 1, vary: [] },
    headers: [['content-type', 'text/plain']],
    tags: [urlOf(key), `item:${key}`],
  })
  const filling =
    (key: string): Fill =>
    async () => ({ outcome: 'cacheable', entry: entry(key) })
  const urlOf = (key: string) => `http://origin/items/${key}`
  const read = async (client: CacheClient, key: string, wanted: string) => {
    const reading = await client.read(key, urlOf(key), filling(key), never)
    if (reading.outcome !== wanted) return reading.outcome
    // Without an answer in time the client goes on alone.
    return reading.outcome === 'filled' && !reading.stored ? 'not stored' : undefined
  }
  return {
    read: (client, number) => read(client, `kept-${number % KEPT}`, 'hit'),
    fill: (client, number) => read(client, `${name}-${number}`, 'filled'),
    purge: async (client, number) => {
      await client.purge({ tags: [`item:${number % KEPT}`] })
      return undefined
    },
  }
}

async function load(plan: L2Plan): Promise<ClientLoad> {
  const logger = { info() {}, warn() {} }
  // No room for an L1: every read is one of L2.
  const client = await openCache({ url: plan.url, instance: 'bench', logger, maxBytes: 1 })
  for (const until = performance.now() + CONNECTED_WITHIN_MS; !client.state.live; ) {
    if (performance.now() > until) throw new Error(`no shared cache: ${client.state.why}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const { read, [plan.does]: act } = acts(plan)
  if (plan.does === 'read') {
    for (let from = 0; from < KEPT; from += plan.connections) {
      await Promise.all(Array.from({ length: plan.connections }, (_, index) => read(client, from + index)))
    }
  }
  const times: number[] = []
  const failures: Record<string, number> = {}
  let next = 0
  const began = performance.now()
  const until = began + plan.seconds * 1000
  const one = async () => {
    while (performance.now() < until) {
      const at = performance.now()
      const failure = await act(client, next++).catch((error: Error) => error.name)
      times.push(performance.now() - at)
      if (failure === undefined) continue
      failures[failure] = (failures[failure] ?? 0) + 1
      // What fails without a wait would leave the loop no turn to hear of anything better.
      await breathe()
    }
  }
  await Promise.all(Array.from({ length: plan.connections }, one))
  const seconds = (performance.now() - began) / 1000
  await client.close()
  const sorted = Float64Array.from(times).sort()
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
  const bytes = plan.does === 'purge' ? 0 : times.length * plan.bytes
  return { requests: times.length, seconds, bytes, p50, p99, failures }
}

answerOnce(load)
