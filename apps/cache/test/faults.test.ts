/**
 * The promise over real processes under load, whatever breaks: no stale read, ever. Prints what each fault cost;
 * with `FAULTS_REPORT=path` it is written there as JSON, too.
 */
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Cluster, type ClusterOptions, type Gateway } from './real/cluster.ts'
import { type Figures, Load } from './real/load.ts'
import type { Weather } from './real/relay.ts'

interface Fault {
  readonly begin: (cluster: Cluster) => unknown
  /** How long it lasts, once it has begun. */
  readonly ms: number
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
  console.table(Object.fromEntries(rows.map(({ fault, ...figures }) => [fault, figures])))
  const report = process.env['FAULTS_REPORT']
  if (report) await writeFile(report, JSON.stringify(rows, undefined, 2))
})

describe('under load, nothing old is read, and no read fails, with', () => {
  it.each(Object.entries(faults))('%s', { timeout: 180_000 }, async (name, fault) => {
    cluster = await Cluster.start(fault.options)
    load = new Load(cluster, fault.keys)
    const before = await load.during(() => delay(1500))
    const meanwhile = await load.during(async () => {
      await fault.begin(cluster)
      await delay(fault.ms)
    })
    const ended = performance.now()
    await fault.end?.(cluster)
    await cluster.well()
    const recoveredAfterMs = Math.round(performance.now() - ended)
    const after = await load.during(() => delay(1000))
    rows.push({ fault: name, recoveredAfterMs, ...meanwhile })
    for (const { staleReads, failedReads } of [before, meanwhile, after]) {
      expect(staleReads).toBe(0)
      if (!fault.kills) expect(failedReads).toBe(0)
    }
    expect(after.hits).toBeGreaterThan(0)
  })
})
