/** The part "bad upstreams": how much of one bad upstream of four a contender's clients get to feel. */
import { fileURLToPath } from 'node:url'
import { ask } from '../measuring/channel.ts'
import { openLoad } from '../measuring/open-load.ts'
import { attempted, turns } from '../measuring/part.ts'
import type { OpenLoad } from '../measuring/processes/open-load.ts'
import type { Means } from '../measuring/sample.ts'
import { freePorts, type Server, serve } from '../measuring/server.ts'
import type { Contender } from './contenders.ts'
import type { Fault } from './fault.ts'
import { startContender } from './forwarding.ts'
import type { BadUpstreamsPlan } from './processes/bad-upstreams.ts'

const BAD_UPSTREAMS = fileURLToPath(import.meta.resolve('./processes/bad-upstreams.ts'))
const UPSTREAMS = 4
/**
 * 16 places of 5 ms each: 3,200 requests a second from each of them, and 320 from the one that is ten times slower,
 * which even an equal share of the highest RATE, 250, leaves below saturation.
 */
const SERVICE = { meanMs: 5, mostMs: 40, places: 16 } as const
const WARM_UP_S = 3
/** So that a policy that goes by the path has something to go by. */
const PATHS = { prefix: '/work/', count: 1000, skew: 0 }

/** What one round of one contender with one fault gave. */
export interface BadSample {
  readonly fault: Fault
  readonly contender: string
  readonly round: number
  readonly load?: OpenLoad
  /** Of the requests that reached upstreams, those that reached the bad one, 0 to 1. */
  readonly share?: number
  readonly faults: readonly string[]
}

export interface BadUpstreams extends Means {
  readonly contenders: readonly Contender[]
  readonly faults: readonly Fault[]
  readonly rounds: number
  readonly seconds: number
  /** Requests a second. */
  readonly rate: number
}

export async function* measureBadUpstreams(plan: BadUpstreams): AsyncGenerator<BadSample> {
  for (const { round, kind: fault, contender } of turns(plan.rounds, plan.faults, plan.contenders)) {
    const row = { fault, contender: contender.name, round }
    yield attempted<BadSample>(row, plan.signal, async () => ({
      ...row,
      ...(await measure(plan, contender, fault, round)),
    }))
  }
}

async function measure(plan: BadUpstreams, contender: Contender, fault: Fault, round: number) {
  const ports = await freePorts(UPSTREAMS)
  // All contenders of a round meet the same arrivals and service times.
  await using upstreams = await startUpstreams({ ports, fault, ...SERVICE, seed: round }, plan)
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  await using server = await startContender(contender, origins, plan)
  const asked = { urls: [server.url], paths: PATHS, rate: plan.rate }
  await openLoad({ ...asked, seconds: Math.min(WARM_UP_S, plan.seconds), seed: 0 }, plan)
  await ask(upstreams, 'begin', plan.signal)
  const load = await openLoad({ ...asked, seconds: plan.seconds, seed: round }, plan)
  const given = await ask<number[]>(upstreams, 'counts', plan.signal)
  const all = given.reduce((sum, count) => sum + count, 0)
  return { load, share: (given[0] ?? 0) / all, faults: load.good === 0 ? ['nothing was answered'] : [] }
}

function startUpstreams(upstreams: BadUpstreamsPlan, means: Means): Promise<Server> {
  const command = { file: process.execPath, args: [BAD_UPSTREAMS, JSON.stringify(upstreams)] }
  const common = { name: 'the upstreams', port: upstreams.ports[0] as number, core: means.cores.upstreams }
  return serve({ ...common, command, channel: true }, means)
}

export function inWords({ fault, contender, round, load, share, faults }: BadSample): string {
  const row = `${fault}, round ${round}, ${contender}`
  if (!load || share === undefined || faults.length > 0) return `${row}: INVALID: ${faults.join('; ')}`
  const errors = load.requests - load.good
  return `${row}: p99 ${load.p99.toFixed(1)} ms, ${errors} errors, ${(100 * share).toFixed(1)} % to the bad one`
}
