/** What the conformance suite runs over: the cache service, and Valkey or Redis where one is installed. */

import type { Entry, Fill, Reading } from '../src/index.ts'
import { type CacheClient, digest, freshOnly, openCache } from '../src/index.ts'
import { Processes } from './processes.ts'
import { until } from './scripted-service.ts'
import { installed, ValkeyServer } from './valkey-server.ts'

export interface Store {
  readonly url: string
  /** At least of that key. */
  counts(key: string): Promise<{ leases: number; waiting: number }>
  close(): Promise<void>
}

interface Kind {
  readonly name: string
  /** Whether what one gateway has seen is in its process, too. */
  readonly hasL1: boolean
  start(): Promise<Store>
}

const service: Kind = {
  name: 'the cache service',
  hasL1: true,
  async start() {
    const processes = new Processes()
    const { url } = await processes.service()
    const counts = async () => (await (await fetch(`${url}/stats`)).json()) as { leases: number; waiting: number }
    return { url, counts, close: () => processes.close() }
  },
}

const valkey: Kind = {
  name: 'Valkey or Redis',
  hasL1: false,
  async start() {
    const server = await ValkeyServer.start()
    const counts = async (key: string) => {
      const hash = digest(key)
      const leases = Number(await server.ask('EXISTS', `spillway:lease:${hash}`))
      return { leases, waiting: Number(await server.ask('ZCARD', `spillway:waiting:${hash}`)) }
    }
    return { url: server.url, counts, close: () => server.close() }
  },
}

export const kinds: readonly Kind[] = installed ? [service, valkey] : [service]

const logger = { info() {}, warn() {} }

/** Resolves when it is live. `verdictMs`: more than a loaded machine takes, where that is not what is tried. */
export async function clientOf(url: string, verdictMs = 10_000): Promise<CacheClient> {
  const client = await openCache({ url, instance: 'test', logger, verdictMs })
  await until(() => client.state.live)
  return client
}

export function entryOf(key: string, body: string, rest: Partial<Entry> = {}): Entry {
  return {
    key,
    status: 200,
    headers: [['content-type', 'text/plain']],
    body: Buffer.from(body),
    ageMs: 0,
    at: performance.now(),
    windows: freshOnly(60_000),
    fillMs: 0,
    tags: [`url:${key}`],
    vary: [],
    ...rest,
  }
}

export const filling = (key: string, body: string, rest: Partial<Entry> = {}) =>
  ({ outcome: 'cacheable', entry: entryOf(key, body, rest) }) as const

/** A fill that a test ends as it likes; it rejects when it is not wanted any more. */
export function heldFill() {
  const started = Promise.withResolvers<AbortSignal>()
  const result = Promise.withResolvers<Awaited<ReturnType<Fill>>>()
  const seen: { runs: number; stale?: Entry | undefined } = { runs: 0 }
  const fill: Fill = (signal, stale) => {
    seen.runs++
    seen.stale = stale
    started.resolve(signal)
    signal.addEventListener('abort', () => result.reject(signal.reason), { once: true })
    return result.promise
  }
  return { fill, started: started.promise, end: result.resolve, seen }
}

/** What a reading's readers see. */
export function bodyOf(reading: Reading): string {
  return 'entry' in reading && reading.entry ? reading.entry.body.toString() : reading.outcome
}
