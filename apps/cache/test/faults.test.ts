/**
 * The promise over real processes under load, whatever breaks: no stale read, ever. Prints what each fault cost;
 * with `FAULTS_REPORT=path` it is written there as JSON, too.
 */
import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Cluster, type ClusterOptions, type Gateway } from './real/cluster.ts'
import { type Figures, Load } from './real/load.ts'

interface Fault {
  /** How long it lasts; then its end, if it does not end by itself. */
  readonly ms: number
  readonly begin: (cluster: Cluster) => unknown
  readonly end?: (cluster: Cluster) => unknown
  readonly options?: ClusterOptions
  readonly keys?: number
  /** Whether reads or writes may fail meanwhile. Default: no. */
  readonly fails?: 'at the killed gateway'
}

const first = ({ gateways: [gateway] }: Cluster) => gateway as Gateway
const everywhere = (cluster: Cluster, change: (gateway: Gateway) => void) => cluster.gateways.forEach(change)

const faults: Record<string, Fault> = {
  none: { ms: 3000, begin: () => {} },
  'the cache service killed, and back empty after 4 s': {
    ms: 4000,
    begin: (cluster) => cluster.killService(),
    end: (cluster) => cluster.restartService(),
  },
  'the cache service slow by 1 s': {
    ms: 6000,
    begin: (cluster) => everywhere(cluster, ({ relay }) => Object.assign(relay, { stream: SLOW, rest: SLOW })),
    end: (cluster) => everywhere(cluster, ({ relay }) => Object.assign(relay, { stream: {}, rest: {} })),
  },
  'the cache service frozen for 4 s': {
    ms: 4000,
    begin: (cluster) => cluster.signalService('SIGSTOP'),
    end: (cluster) => cluster.signalService('SIGCONT'),
  },
  'every other entry from L2 corrupt': {
    ms: 4000,
    begin: (cluster) => everywhere(cluster, ({ relay }) => Object.assign(relay, { rest: { corrupt: true } })),
    end: (cluster) => everywhere(cluster, ({ relay }) => Object.assign(relay, { rest: {} })),
  },
  'L2 full: room for a tenth of what is read': {
    ms: 4000,
    begin: () => {},
    options: { cacheRoom: '300kB' },
    keys: 1000,
  },
  'a gateway killed in mid-fill, three times': {
    ms: 0,
    options: { originMs: 200 },
    fails: 'at the killed gateway',
    begin: async (cluster) => {
      for (const gateway of cluster.gateways) {
        await delay(500)
        await gateway.kill()
        await delay(500)
        gateway.restart()
      }
    },
  },
  'a gateway stopped for 4 s': {
    ms: 4000,
    begin: (cluster) => first(cluster).signal('SIGSTOP'),
    end: (cluster) => first(cluster).signal('SIGCONT'),
  },
  'a gateway cut from the stream for 10 s': {
    ms: 10_000,
    begin: (cluster) => {
      first(cluster).relay.stream = { stuck: true }
    },
    end: (cluster) => {
      first(cluster).relay.stream = {}
      first(cluster).relay.cut('stream')
    },
  },
}

const SLOW = { delayMs: 1000 }
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

describe('under load, nothing old is read with', () => {
  it.each(Object.entries(faults))('%s', { timeout: 120_000 }, async (name, fault) => {
    cluster = await Cluster.start(fault.options)
    load = new Load(cluster, fault.keys)
    const warm = await load.during(() => delay(1500))
    const figures = await load.during(async () => {
      await fault.begin(cluster)
      await delay(fault.ms)
    })
    const ended = performance.now()
    const after = await load.during(async () => {
      await fault.end?.(cluster)
      await cluster.well()
      await delay(1000)
    })
    rows.push({ fault: name, recoveredAfterMs: Math.round(performance.now() - ended - 1000), ...figures })
    for (const { staleReads } of [warm, figures, after]) expect(staleReads).toBe(0)
    if (!fault.fails)
      for (const { failedReads, unconfirmedWrites } of [warm, figures, after])
        expect({ failedReads, unconfirmedWrites }).toEqual({ failedReads: 0, unconfirmedWrites: 0 })
    expect(after.hits).toBeGreaterThan(0)
  })
})
