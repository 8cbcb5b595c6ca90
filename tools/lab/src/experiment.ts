/** One scenario in one shape on one stack: items laid out, everything warmed up, load applied and watched. */
import { connectItems } from './items.ts'
import { machine } from './machine.ts'
import type { Driver, DriverSecond, Plan, Shape } from './plan.ts'
import type { Load, Run, Second } from './run.ts'
import type { Scenario } from './scenario.ts'
import type { Stack } from './stack.ts'
import { watch } from './watching/watch.ts'

export interface Experiment {
  readonly scenario: Scenario
  readonly shape: Shape
  /** Seconds. */
  readonly duration: number
  readonly profile: Run['profile']
}

export interface Observed {
  readonly run: Run
  readonly seconds: readonly Second[]
}

/** Before each test, so that what is compiled and connected when first used does not count; no longer than the test itself. */
const WARM_UP = { shape: { kind: 'closed', users: 10 } } as const satisfies Partial<Plan>
const WARM_UP_S = 10
/** Few enough that each is asked for many times within its time to live. */
const HOT_KEYS = 50
/** More than the stack can miss in a second, so that a run out of keys is a sign of something else. */
const MISSES_PER_SECOND = 2_500
/** So little work that waiting, not computing, is what a miss costs. */
const PROCESS = { n: 10_000, primes: 1229 }

/** The settings that hold a stack back, and so belong into the report. */
const CONSTRAINTS = ['CACHE_TTL', 'DB_LATENCY', 'PROCESS_LATENCY', 'GATEWAY_CONCURRENCY', 'MICROSERVICES', 'POLICY']

/** @throws {DriverError} where the generator failed */
export async function observe(
  { scenario, shape, duration, profile }: Experiment,
  { stack, driver, signal }: { stack: Stack; driver: Driver; signal: AbortSignal },
): Promise<Observed> {
  const host = machine()
  const warmUp = Math.min(WARM_UP_S, duration)
  const tag = Date.now().toString(36)
  const isHit = scenario.expects === 'hit'
  const keys = { prefix: `test-${tag}`, first: 0, count: isHit ? HOT_KEYS : keysFor(duration) }
  // What is to be hit must be in the caches; what is to be missed must not.
  const warmKeys = isHit ? keys : { prefix: `warm-${tag}`, first: 0, count: keysFor(warmUp) }
  const items = await connectItems(await stack.ask('database'))
  try {
    for (const { prefix, count } of new Set([warmKeys, keys])) await items.add(prefix, count)
    const plan: Plan = {
      expects: scenario.expects,
      url: stack.url,
      token: await stack.ask('token'),
      shape,
      duration,
      keys,
      process: PROCESS,
      core: host.cores - 1,
    }
    await driver.run({ ...plan, ...WARM_UP, duration: warmUp, keys: warmKeys }, { signal, onSecond: () => {} })

    const startedAt = new Date().toISOString()
    const watching = await watch(stack.services)
    const seen: DriverSecond[] = []
    let load: Load
    try {
      load = await driver.run(plan, { signal, onSecond: (second) => void seen.push(second) })
    } catch (error) {
      await watching.abandon()
      throw error
    }
    const served = await watching.end()
    const used = new Map(watching.seconds.map((second) => [second.second, second]))
    return {
      run: {
        name: scenario.name,
        expects: scenario.expects,
        gateways: scenario.gateways,
        shape: shape.kind,
        users: shape.users,
        planned: plannedPresence(shape, duration),
        profile,
        settings: Object.fromEntries(CONSTRAINTS.flatMap((name) => entryOf(stack.settings, name))),
        driver: driver.name,
        startedAt,
        machine: host,
        load,
        served,
      },
      // The last one of either may be missing in the other.
      seconds: seen.flatMap((second) => {
        const use = used.get(second.second)
        return use ? [{ ...use, ...second }] : []
      }),
    }
  } finally {
    await items.remove([warmKeys.prefix, keys.prefix])
    await items.close()
  }
}

/** Seconds of all users together; who joins in the middle of the joining misses half of it. */
function plannedPresence(shape: Shape, duration: number): number {
  const joining = shape.kind === 'users' ? shape.users / shape.joinPerSecond : 0
  return shape.users * (duration - joining / 2)
}

const keysFor = (seconds: number) => Math.ceil(seconds * MISSES_PER_SECOND)

function entryOf(settings: Stack['settings'], name: string): [string, string][] {
  const value = settings[name]
  return value === undefined ? [] : [[name, value]]
}
