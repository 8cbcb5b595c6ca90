/** One policy in one world, and what is told of it. */
import { type Policy, percentile, type Run, type Server, simulate } from '@spillway/upstreams/simulation'
import { type Cluster, SETTLING, simulationOf, TIME_LIMIT, WORLDS, type WorldName } from './worlds.ts'

export interface Case extends Cluster {
  readonly world: WorldName
  readonly policy: string
  readonly seed: number
}

export interface Row extends Case {
  /** That count. */
  readonly requests: number
  /** Milliseconds that clients waited, without those that failed at once; at most the time limit. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Failed, or beyond the time limit, 0 to 1. */
  readonly failed: number
  /** The most requests that an endpoint had in flight. */
  readonly mostInFlight: number
  /** Of the endpoints that are not odd, the fewest and the most requests one had, its even share by weight being 1. */
  readonly fewest: number
  readonly most: number
  /**
   * What the odd ones had, an even share of each being 1; in the first second where they are new. Undefined where none is.
   */
  readonly odd?: number
}

export function measure(asked: Case, policy: () => Policy): Row {
  const { world, endpoints } = asked
  const simulation = simulationOf(world, asked)
  const run = counting(simulate({ ...simulation, policy, seed: asked.seed }))
  const { servers } = simulation
  const requests = run.server.length
  const waited: number[] = []
  let failed = 0
  for (let at = 0; at < requests; at++) {
    const { fails } = servers[run.server[at] as number] as Server
    const ms = run.latencyMs[at] as number
    if (fails || ms >= TIME_LIMIT) failed++
    if (!fails) waited.push(ms)
  }
  const oddOnes = WORLDS[world].odd(endpoints)
  const shares = sharesOf(run, servers)
  const others = shares.slice(oddOnes)
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentile(waited, share)) as [number, number, number]
  return {
    ...asked,
    requests,
    p50,
    p99,
    p999,
    failed: failed / requests,
    mostInFlight: run.inFlight.reduce((most, each) => Math.max(most, each), 0),
    fewest: Math.min(...others),
    most: Math.max(...others),
    ...(oddOnes > 0
      ? { odd: mean((servers[0]?.joinsAt ? sharesOf(firstSecond(run), servers) : shares).slice(0, oddOnes)) }
      : {}),
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const counting = (run: Run) => between(run, Math.floor(run.server.length * SETTLING), run.server.length)
const firstSecond = (run: Run) => {
  const begin = run.sentAt[0] as number
  const end = run.sentAt.findIndex((at) => at > begin + 1000)
  return between(run, 0, end < 0 ? run.server.length : end)
}

function between({ sentAt, latencyMs, server, inFlight }: Run, from: number, to: number): Run {
  return {
    sentAt: sentAt.subarray(from, to),
    latencyMs: latencyMs.subarray(from, to),
    server: server.subarray(from, to),
    inFlight: inFlight.subarray(from, to),
  }
}

/** Of each server, what it had of its even share. */
function sharesOf({ server }: Run, servers: readonly Server[]): number[] {
  const counts = servers.map(() => 0)
  for (const at of server) counts[at] = (counts[at] as number) + 1
  const total = servers.reduce((sum, { weight = 1 }) => sum + weight, 0)
  return counts.map((count, at) => count / server.length / ((servers[at]?.weight ?? 1) / total))
}
