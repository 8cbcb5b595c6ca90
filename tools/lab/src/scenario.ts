/** The named tests, and what a stack started for them is held back by. */
import type { Shape } from './plan.ts'
import type { Settings } from './settings.ts'

export interface Scenario {
  /** Such as `test3-miss`. */
  readonly name: string
  readonly gateways: number
  readonly expects: 'hit' | 'miss'
}

/** What `make bench` runs, in an order in which two and two can share a stack. */
export const BENCH: readonly Scenario[] = ['test1-miss', 'test1-hit', 'test3-miss', 'test3-hit'].map(
  (name) => scenarioOf(name) as Scenario,
)

/** `test3-hit` and `run3-hit` are the same scenario, on the stack that is up or on one of its own. */
export function scenarioOf(target: string): Scenario | undefined {
  const [, gateways, expects] = /^(?:test|run)([1-5])-(hit|miss)$/.exec(target) ?? []
  if (gateways === undefined) return undefined
  return { name: `test${gateways}-${expects}`, gateways: Number(gateways), expects: expects as Scenario['expects'] }
}

/**
 * What each profile tells a stack. `classic` holds it back openly, so that the lesson shows on any laptop: a gateway has
 * 20 places, and a miss keeps one for 100 ms (`/data`) or 50 ms (`/process`), so it carries about 20 / 0.075 s = 265
 * misses a second (Little's law), far less than a core would. `full` holds nothing back.
 */
export const PROFILES: Record<Settings['PROFILE'], Readonly<Record<string, string>>> = {
  classic: { CACHE_TTL: '20s', DB_LATENCY: '100ms', PROCESS_LATENCY: '50ms', GATEWAY_CONCURRENCY: '20' },
  full: { CACHE_TTL: '20s', DB_LATENCY: '0s', PROCESS_LATENCY: '0s', GATEWAY_CONCURRENCY: '0' },
}

/** A thousand users join within ten seconds and wait 1 to 2 s between requests: 650 requests a second at the most. */
export function shapes({ SHAPE, USERS, CONNECTIONS }: Pick<Settings, 'SHAPE' | 'USERS' | 'CONNECTIONS'>): Shape[] {
  const users: Shape = { kind: 'users', users: USERS, joinPerSecond: 100, think: [1, 2] }
  const closed: Shape = { kind: 'closed', users: CONNECTIONS }
  return SHAPE === 'both' ? [users, closed] : [SHAPE === 'users' ? users : closed]
}
