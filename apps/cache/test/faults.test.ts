/**
 * The promise over real processes under load, whatever breaks: no stale read, ever. With `FAULTS_REPORT=path` every fault
 * is tried, at its full length, and what each cost is printed, and written there as JSON.
 */
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Cluster, type ClusterOptions, type Gateway } from './real/cluster.ts'
import { type Figures, Load } from './real/load.ts'
import type { Weather } from './real/relay.ts'

const { FAULTS_REPORT } = process.env

interface Fault {
  readonly begin: (cluster: Cluster) => unknown
  /** How long it lasts, once it has begun. */
  readonly ms: number
  /** Tried each time. */
  readonly always?: boolean
  readonly end?: (cluster: Cluster) => unknown
  readonly options?: ClusterOptions
  readonly keys?: number
  /** Gateways are killed, and what was asked of them is lost with them. Default: no. */
  readonly kills?: boolean
}

const first = ({ gateways: [gateway] }: Cluster) => gateway as Gateway
/** What the service sends to every gateway, on its stream and elsewhere. */
const weather = ({ gateways }: Cluster, stream: Weather, rest: Weather) => {
  for (const { relay } of gateways) Object.assign(relay, { stream, rest })
}
const SLOW = { delayMs: 1000 }

const faults: Record<string, Fault> = {
  nothing: { begin: () => {}, ms: 3000 },
  'the cache service killed, and back empty after 4 s': {
    begin: (cluster) => cluster.killService(),
    ms: 4000,
    always: true,
    end: (cluster) => cluster.restartService(),
  },
  'the cache service slow by 1 s': {
    begin: (cluster) => weather(cluster, SLOW, SLOW),
    ms: 6000,
    end: (cluster) => weather(cluster, {}, {}),
  },
  'the cache service frozen for 4 s': {
    begin: (cluster) => cluster.signalService('SIGSTOP'),
    ms: 4000,
    end: (cluster) => cluster.signalService('SIGCONT'),
  },
  'every other entry from L2 corrupt': {
    begin: (cluster) => weather(cluster, {}, { corrupt: true }),
    ms: 4000,
    always: true,
    end: (cluster) => weather(cluster, {}, {}),
  },
  'L2 full, with room for a tenth of what is read': {
    begin: () => {},
    ms: 4000,
    options: { cacheRoom: '300kB' },
    keys: 1000,
  },
  'a lease holder killed in mid-fill, three times': {
    options: { originMs: 200 },
    always: true,
    kills: true,
    begin: async ({ gateways }) => {
      for (const gateway of gateways) {
        await delay(500)
        await gateway.kill()
        await delay(500)
        gateway.restart()
      }
    },
    ms: 0,
  },
  'a gateway stopped for 4 s': {
    begin: (cluster) => first(cluster).signal('SIGSTOP'),
    ms: 4000,
    end: (cluster) => first(cluster).signal('SIGCONT'),
  },
  'a gateway cut from the stream for 10 s': {
    begin: (cluster) => {
      first(cluster).relay.stream = { stuck: true }
    },
    ms: 10_000,
    always: true,
    end: (cluster) => {
      first(cluster).relay.stream = {}
      first(cluster).relay.cut('stream')
    },
  },
  'one thing after another, at random': {
    options: { originMs: 50 },
    kills: true,
    begin: async (cluster) => {
      for (let n = 0; n < 24; n++) {
        await mischief(cluster)
        await delay(400)
      }
    },
    ms: 0,
    end: async (cluster) => {
      weather(cluster, {}, {})
      for (const { relay } of cluster.gateways) relay.cut('all')
    },
  },
}

async function mischief(cluster: Cluster): Promise<void> {
  const any = <T>(things: readonly T[]) => things[Math.floor(Math.random() * things.length)] as T
  const gateway = any(cluster.gateways)
  const { relay } = gateway
  const acts: (() => unknown)[] = [
    () => Object.assign(relay, { stream: any([{}, { delayMs: 300 }, { stuck: true }]) }),
    () => Object.assign(relay, { rest: any([{}, { delayMs: 100 }, { corrupt: true }, { stuck: true }]) }),
    () => relay.cut(any(['stream', 'all'] as const)),
    async () => {
      gateway.signal('SIGSTOP')
      await delay(2500)
      gateway.signal('SIGCONT')
    },
    async () => {
      await gateway.kill()
      gateway.restart()
    },
    async () => {
      await cluster.killService()
      await cluster.restartService()
    },
  ]
  await any(acts)()
}

const rows: ({ fault: string; recoveredAfterMs: number } & Figures)[] = []
let cluster: Cluster
let load: Load
afterEach(async () => {
  await load?.stop()
  await cluster?.close()
})
afterAll(async () => {
  if (!FAULTS_REPORT) return
  console.table(Object.fromEntries(rows.map(({ fault, ...figures }) => [fault, figures])))
  await writeFile(FAULTS_REPORT, JSON.stringify(rows, undefined, 2))
})

describe('under load, nothing old is read, and no read fails, with', () => {
  const tried = Object.entries(faults).filter(([, { always }]) => always || FAULTS_REPORT)
  it.each(tried)('%s', { timeout: 180_000 }, async (name, fault) => {
    cluster = await Cluster.start(fault.options)
    load = new Load(cluster, fault.keys)
    const before = await load.during(() => delay(FAULTS_REPORT ? 1500 : 500))
    const meanwhile = await load.during(async () => {
      await fault.begin(cluster)
      // Longer than sessions last, in any case.
      await delay(FAULTS_REPORT ? fault.ms : Math.min(fault.ms, 3000))
    })
    const ended = performance.now()
    await fault.end?.(cluster)
    await cluster.well()
    const recoveredAfterMs = Math.round(performance.now() - ended)
    const after = await load.during(() => delay(FAULTS_REPORT ? 1000 : 300))
    rows.push({ fault: name, recoveredAfterMs, ...meanwhile })
    for (const { staleReads, failedReads } of [before, meanwhile, after]) {
      expect(staleReads).toBe(0)
      if (!fault.kills) expect(failedReads).toBe(0)
    }
    expect(after.hits).toBeGreaterThan(0)
  })
})
