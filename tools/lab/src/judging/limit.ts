/** What held a row back, as far as what was seen tells, and whether one more gateway would have helped. */

import type { ProcessUse, Run } from '../run.ts'
import { counted, figure, listed, milliseconds, percent, perSecond, whole } from './figures.ts'
import { MOST_GENERATOR } from './gates.ts'
import { rate } from './measures.ts'

export interface Limit {
  readonly limit: 'concurrency' | 'process' | 'machine' | 'generator' | 'users'
  /** With the figures that say so. */
  readonly sentence: string
  /** Whether one more gateway would have helped. */
  readonly helps: 'yes' | 'no' | 'unknown'
}

const NEARLY_FULL = 0.9
/** Of the one core that a process with one thread can use. */
const NEAR_A_CORE = 0.9
const FULLY_BUSY = 0.95

/** The first that there is evidence of, the most certain first. */
export function limitOf(run: Run): Limit {
  const found = concurrency(run) ?? singleProcess(run) ?? machine(run) ?? generator(run) ?? users(run)
  const hops = run.served.hops
    .filter(({ requests }) => requests > 0)
    .map(({ role, average }) => `${milliseconds(average)} at the ${role}`)
  const evidence = hops.length > 0 ? ` A request took, on average, ${listed(hops)}.` : ''
  return { ...found, sentence: found.sentence + evidence }
}

function concurrency({ served: { gateways, busy }, machine: { cores } }: Run): Limit | undefined {
  const places = sum(gateways.map((gateway) => gateway.concurrency))
  const running = sum(gateways.map((gateway) => gateway.running))
  const waiting = sum(gateways.map((gateway) => gateway.waiting))
  if (places === 0 || running < NEARLY_FULL * places || waiting <= 0) return undefined
  const seen = `The gateways' concurrency: on average ${figure(running)} of ${whole(places)} places were taken, and ${figure(waiting)} requests stood in line for one`
  return busy < FULLY_BUSY
    ? { limit: 'concurrency', helps: 'yes', sentence: `${seen}; another gateway brings places.` }
    : {
        limit: 'concurrency',
        helps: 'unknown',
        sentence: `${seen}; another gateway brings places, but the ${counted(cores, 'core')} were ${percent(busy)} busy already.`,
      }
}

function singleProcess({ served: { processes, busy }, machine: { cores } }: Run): Limit | undefined {
  const full = processes.filter((process) => process.count === 1 && process.cores >= NEAR_A_CORE)
  // Behind or before another full process, one more gateway has nothing to win.
  const first = full.find(({ role }) => role !== 'gateway') ?? full[0]
  if (!first) return undefined
  const seen = `One process's core: ${first.name} used ${figure(first.cores)} cores, and one process has one`
  if (first.role !== 'gateway') {
    return { limit: 'process', helps: 'no', sentence: `${seen}; another gateway would not relieve it.` }
  }
  const idle = (1 - busy) * cores
  return { limit: 'process', helps: helpOf(idle, busy), sentence: `${seen}; ${sharing(first, idle)}.` }
}

function helpOf(idle: number, busy: number): Limit['helps'] {
  if (idle >= 1) return 'yes'
  return busy >= FULLY_BUSY ? 'no' : 'unknown'
}

function sharing({ name }: ProcessUse, idle: number): string {
  return idle >= 1
    ? `another gateway would share its work, for ${figure(idle)} cores were idle`
    : `with ${figure(idle)} idle cores another gateway would mostly take from ${name} what it gives`
}

function machine({ served: { busy }, machine: { cores } }: Run): Limit | undefined {
  if (busy < FULLY_BUSY) return undefined
  const sentence = `The machine: its ${counted(cores, 'core')} were ${percent(busy)} busy, whoever used them; another gateway would have to share them.`
  return { limit: 'machine', helps: 'no', sentence }
}

function generator({ load }: Run): Limit | undefined {
  if (load.cores <= MOST_GENERATOR) return undefined
  const sentence = load.pinned
    ? `The load generator: it used ${figure(load.cores)} of the one core it had, so the stack may be able to do more.`
    : `Perhaps the load generator: it used ${figure(load.cores)} cores and had none to itself, so it cannot be told whether it could have asked more.`
  return { limit: 'generator', helps: 'unknown', sentence }
}

function users({ load, shape, users }: Run): Limit {
  const asked = `${perSecond(rate(load))} by ${counted(users, shape === 'users' ? 'user' : 'connection')}`
  const doubt = load.pinned
    ? ''
    : ' Whether the load generator was slower than it should be cannot be told, for it had no core to itself.'
  return shape === 'users'
    ? {
        limit: 'users',
        helps: load.pinned ? 'no' : 'unknown',
        sentence: `The users: nothing in the stack was at its limit, they did not ask for more than ${asked}.${doubt}`,
      }
    : {
        limit: 'users',
        helps: 'unknown',
        sentence: `The connections: nothing in the stack was at its limit, ${asked} is what the time of an answer leaves those who wait for each.${doubt}`,
      }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
