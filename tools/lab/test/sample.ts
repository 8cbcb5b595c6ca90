/** Truthful runs to plant lies in: what four tests in two shapes look like where everything is as its name says. */
import type { Run, Second } from '../src/run.ts'

export interface Sample {
  gateways?: number
  expects?: 'hit' | 'miss'
  shape?: 'users' | 'closed'
  profile?: 'classic' | 'full'
}

const SECONDS = 60

/** A run on eight cores that nothing can be said against. */
export function truthful({ gateways = 3, expects = 'miss', shape = 'users', profile = 'classic' }: Sample = {}): Run {
  const users = shape === 'users' ? 1000 : 64
  const { rate, average } = speed(gateways, expects, shape)
  const requests = rate * SECONDS
  const responding = (requests * average) / 1000
  const misses = expects === 'miss' ? requests : 300
  return {
    name: `test${gateways}-${expects}`,
    expects,
    gateways,
    shape,
    users,
    planned: shape === 'users' ? users * SECONDS : responding,
    profile,
    settings: profile === 'classic' ? CLASSIC : FULL,
    driver: 'k6 2.2.0',
    startedAt: '2026-03-01T12:00:00.000Z',
    machine: MACHINE,
    load: {
      duration: SECONDS,
      requests,
      statuses: { 200: requests },
      latency: { average, p50: 0.9 * average, p95: 1.8 * average, p99: 2.5 * average, max: 4 * average },
      cache: { hit: requests - misses, miss: misses, collapsed: 0, none: 0 },
      wrongBodies: 0,
      outOfKeys: 0,
      responding,
      thinking: shape === 'users' ? users * SECONDS - responding : 0,
      present: shape === 'users' ? users * SECONDS : responding,
      cores: 0.4,
      pinned: true,
    },
    served: {
      readyGateways: gateways,
      databaseReads: misses / 2,
      computations: misses / 2,
      gateways: Array.from({ length: gateways }, (_, index) => ({
        name: `gateway-${index + 1}`,
        requests: requests / gateways,
        average,
        concurrency: profile === 'classic' ? 20 : 0,
        running: expects === 'hit' ? 0.2 : Math.min(20, (0.075 * rate) / gateways),
        waiting: expects === 'miss' && gateways === 1 ? waitingAtOne(shape) : 0,
      })),
      hops: [
        { role: 'balancer', requests, average },
        { role: 'gateway', requests, average: 0.98 * average },
        { role: 'db', requests: misses / 2, average: 101 },
        { role: 'microservice', requests: misses / 2, average: 51 },
      ],
      processes: [
        { name: 'balancer', role: 'balancer', count: 1, cores: 0.3, memory: 90_000_000 },
        ...Array.from({ length: gateways }, (_, index) => ({
          name: `gateway-${index + 1}`,
          role: 'gateway',
          count: 1,
          cores: 0.5,
          memory: 120_000_000,
        })),
        { name: 'postgres', role: 'postgres', count: 12, cores: 0.2, memory: 200_000_000 },
      ],
      busy: 0.35,
    },
  }
}

/** What `make bench` would leave behind, in its order. */
export function bench(profile: 'classic' | 'full' = 'classic'): Run[] {
  return [1, 3].flatMap((gateways) =>
    (['miss', 'hit'] as const).flatMap((expects) =>
      (['users', 'closed'] as const).map((shape) => truthful({ gateways, expects, shape, profile })),
    ),
  )
}

export function seconds(run: Run): Second[] {
  const each = run.load.requests / SECONDS
  return Array.from({ length: SECONDS }, (_, index) => ({
    second: index + 1,
    requests: Math.round(each * Math.min(1, (index + 1) / 10)),
    failures: 0,
    average: run.load.latency.average,
    busy: run.served.busy,
    processes: Object.fromEntries(run.served.processes.map(({ name, cores, memory }) => [name, { cores, memory }])),
  }))
}

const CLASSIC = { CACHE_TTL: '20s', DB_LATENCY: '100ms', PROCESS_LATENCY: '50ms', GATEWAY_CONCURRENCY: '20' }
const FULL = { CACHE_TTL: '20s', DB_LATENCY: '0s', PROCESS_LATENCY: '0s', GATEWAY_CONCURRENCY: '0' }
const MACHINE = {
  cpu: 'Sample CPU',
  cores: 8,
  memory: 16 * 2 ** 30,
  system: 'Linux 6.1.0 x64',
  node: 'v26.10.0',
  commit: '0123456789',
}

/** Users or connections that are not at one of the gateway's 20 places, nor thinking. */
const waitingAtOne = (shape: 'users' | 'closed') => (shape === 'users' ? 556 : 44)

function speed(gateways: number, expects: 'hit' | 'miss', shape: 'users' | 'closed') {
  if (expects === 'hit') return shape === 'users' ? { rate: 640, average: 2 } : { rate: 4000, average: 16 }
  if (gateways === 1) return shape === 'users' ? { rate: 262, average: 2200 } : { rate: 264, average: 242 }
  return shape === 'users' ? { rate: 624, average: 82 } : { rate: 750, average: 85 }
}
