/** One run of one scenario: all that was seen of it and nothing judged, so that verdict and report can be made again from it. */
import { type Static, Type } from 'typebox'

const Milliseconds = Type.Number({ minimum: 0 })
const Count = Type.Integer({ minimum: 0 })

/** Milliseconds, over every answer, failures included. */
const Latency = Type.Object({
  average: Milliseconds,
  p50: Milliseconds,
  p95: Milliseconds,
  p99: Milliseconds,
  max: Milliseconds,
})

/** What the load generator saw. */
export const Load = Type.Object({
  /** Seconds, from the first request to the end of the last. */
  duration: Type.Number({ minimum: 0 }),
  requests: Count,
  /** How many answers had each status; requests without an answer by their error, such as `ECONNRESET`. */
  statuses: Type.Record(Type.String(), Count),
  latency: Latency,
  /** By what `Cache-Status` told the client. `collapsed` shared somebody else's fill; `none` said nothing, or was no 2xx. */
  cache: Type.Object({ hit: Count, miss: Count, collapsed: Count, none: Count }),
  /** 2xx answers whose body was not the one expected. */
  wrongBodies: Count,
  /** Requests that were not sent because every key had been asked for. */
  outOfKeys: Count,
  /** Seconds summed over all users: waiting for answers, thinking between them, and being there at all. */
  responding: Type.Number({ minimum: 0 }),
  thinking: Type.Number({ minimum: 0 }),
  present: Type.Number({ minimum: 0 }),
  /** The generator's own use of CPU, in cores, and whether it had a core to itself to use. */
  cores: Type.Number({ minimum: 0 }),
  pinned: Type.Boolean(),
})
export type Load = Static<typeof Load>

/** One process of the stack, its children included. */
export const ProcessUse = Type.Object({
  name: Type.String(),
  role: Type.String(),
  /** How many operating-system processes that was. */
  count: Count,
  /** Cores used, on average. */
  cores: Type.Number({ minimum: 0 }),
  /** Bytes of memory, resident, at its highest. */
  memory: Count,
})
export type ProcessUse = Static<typeof ProcessUse>

/** What one gateway did, by its own count. */
export const GatewayUse = Type.Object({
  name: Type.String(),
  requests: Count,
  /** Milliseconds a request took there on average, waiting in line included. */
  average: Milliseconds,
  /** `GATEWAY_CONCURRENCY`; 0 without a limit. */
  concurrency: Count,
  /** Requests at work and in line, on average over the run. */
  running: Type.Number({ minimum: 0 }),
  waiting: Type.Number({ minimum: 0 }),
})
export type GatewayUse = Static<typeof GatewayUse>

/** What the stack itself counted between the run's beginning and its end. */
export const Served = Type.Object({
  readyGateways: Count,
  /** Reads of items that reached PostgreSQL. */
  databaseReads: Count,
  /** Answers that the microservices computed. */
  computations: Count,
  gateways: Type.Array(GatewayUse),
  /** Mean milliseconds of a request at each kind of service, as that service measured it. */
  hops: Type.Array(Type.Object({ role: Type.String(), requests: Count, average: Milliseconds })),
  processes: Type.Array(ProcessUse),
  /** How busy all cores of the machine were on average, 0 to 1, whoever used them. */
  busy: Type.Number({ minimum: 0, maximum: 1 }),
})
export type Served = Static<typeof Served>

/** One second of a run, a row of its CSV file. */
export interface Second {
  /** Counted from 1. */
  second: number
  requests: number
  failures: number
  /** Milliseconds; 0 where nothing was answered. */
  average: number
  /** 0 to 1. */
  busy: number
  /** By the process's name: cores used, and bytes of memory. */
  processes: Record<string, { cores: number; memory: number }>
}

export const Machine = Type.Object({
  cpu: Type.String(),
  cores: Count,
  memory: Count,
  system: Type.String(),
  node: Type.String(),
  /** Short hash, with `-dirty` where files differ from it. */
  commit: Type.String(),
})
export type Machine = Static<typeof Machine>

export const Run = Type.Object({
  /** `test3-miss`: gateways named, and what is to be shown. */
  name: Type.String(),
  /** What `Cache-Status` should say nearly always. */
  expects: Type.Enum(['hit', 'miss'] as const),
  /** How many gateways the name promises. */
  gateways: Count,
  /** `users`: many who think between requests, an almost open load. `closed`: few who ask as fast as they are answered. */
  shape: Type.Enum(['users', 'closed'] as const),
  /** Users at once when all have joined, or connections. */
  users: Count,
  /** Seconds that they were to be there, summed over all of them: what `load.present` is where everybody came and stayed. */
  planned: Type.Number({ minimum: 0 }),
  profile: Type.Enum(['classic', 'full'] as const),
  /** The stack's settings that constrain it, as texts, such as `DB_LATENCY: 100ms`. */
  settings: Type.Record(Type.String(), Type.String()),
  /** What made the load, such as `k6 2.2.0`. */
  driver: Type.String(),
  startedAt: Type.String(),
  machine: Machine,
  load: Load,
  served: Served,
})
export type Run = Static<typeof Run>

/** Who asks, in words. */
export const SHAPES = { users: 'users who think', closed: 'connections that never wait' } as const

/** A scenario that could not be run here, and what to do about it. */
export const NotRun = Type.Object({ name: Type.String(), shape: Run.properties.shape, notRun: Type.String() })
export type NotRun = Static<typeof NotRun>
