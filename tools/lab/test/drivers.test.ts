/** What every driver promises: that its `Load` is what was done, told by the server that did it. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { drivers } from '../src/generators/drivers.ts'
import { findK6 } from '../src/generators/k6-binary.ts'
import { findOnPath } from '../src/generators/pin.ts'
import { type Driver, DriverError, type DriverSecond, type Plan } from '../src/plan.ts'
import type { Load } from '../src/run.ts'
import { type FrontDoor, type Lies, openFrontDoor, PRIMES, TOKEN } from './front-door.ts'
import { scenarioTests } from './scenarios.ts'

const CLOSED: Plan['shape'] = { kind: 'closed', users: 3 }
const USERS: Plan['shape'] = { kind: 'users', users: 10, joinPerSecond: 20, think: [0.05, 0.15] }
const NAMES = { prefix: 'key', first: 100 }

async function loadWith(
  driver: Driver,
  door: FrontDoor,
  plan: Partial<Plan> = {},
  signal = new AbortController().signal,
): Promise<{ load: Load; seconds: DriverSecond[] }> {
  const seconds: DriverSecond[] = []
  const load = await driver.run(
    {
      expects: 'hit',
      url: door.url,
      token: TOKEN,
      shape: CLOSED,
      duration: 1,
      keys: { ...NAMES, count: 4 },
      process: PRIMES,
      ...plan,
    },
    { signal, onSecond: (second) => seconds.push(second) },
  )
  return { load, seconds }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

function holdsTogether(load: Load): void {
  expect(sum(Object.values(load.statuses))).toBe(load.requests)
  expect(sum(Object.values(load.cache))).toBe(load.requests)
}

describe.each(await drivers(process.env))('$name, told the truth', (driver) => {
  it('counts what the server counted, second by second, and every answer right', async () => {
    await using door = await openFrontDoor()
    const { load, seconds } = await loadWith(driver, door, { duration: 2.5, core: 0 })
    expect(load.statuses).toEqual({ 200: door.asked.length })
    expect(load).toMatchObject({ requests: door.asked.length, wrongBodies: 0, outOfKeys: 0, thinking: 0 })
    holdsTogether(load)
    expect(door.told.strangers).toBe(0)
    expect(load.cores).toBeGreaterThan(0)
    expect(load.pinned).toBe(process.platform === 'linux' && findOnPath('taskset', process.env['PATH']) !== undefined)

    expect(seconds.map(({ second }) => second)).toEqual(seconds.map((_, index) => index + 1))
    expect(seconds.length).toBeGreaterThanOrEqual(2)
    expect(sum(seconds.map(({ requests }) => requests))).toBe(load.requests)
    expect(sum(seconds.map(({ failures }) => failures))).toBe(0)
    expect(seconds[0]?.average).toBeGreaterThan(0)
  })

  it('asks half for items and half for primes, of few keys again and again, and sees the first of each missed', async () => {
    await using door = await openFrontDoor()
    const { load } = await loadWith(driver, door)
    const distinct = new Set(door.asked)
    expect([...distinct].sort()).toEqual([
      ...[100, 101, 102, 103].map((number) => `/data/key-${number}`),
      ...[100, 101, 102, 103].map((number) => `/process?key=key-${number}&n=10000`),
    ])
    expect(load.cache).toEqual({ hit: load.requests - 8, miss: 8, collapsed: 0, none: 0 })
    const items = door.asked.filter((path) => path.startsWith('/data/')).length
    expect(items / door.asked.length).toBeCloseTo(0.5, 1)
  })

  it('asks for each key once where misses are wanted', async () => {
    await using door = await openFrontDoor({ slow: 5 })
    const { load } = await loadWith(driver, door, { expects: 'miss', keys: { ...NAMES, count: 100_000 } })
    const keys = door.asked.map((path) => /key-\d+/.exec(path)?.[0])
    expect(new Set(keys).size).toBe(keys.length)
    expect(load.cache).toEqual({ hit: 0, miss: load.requests, collapsed: 0, none: 0 })
    expect(load.requests).toBeGreaterThan(50)
  })

  it('measures times that belong together', async () => {
    await using door = await openFrontDoor({ slow: 20 })
    const { load } = await loadWith(driver, door, { duration: 1.5 })
    const { average, p50, p95, p99, max } = load.latency
    expect(p50).toBeGreaterThanOrEqual(19)
    expect([p50, p95, p99, max]).toEqual([p50, p95, p99, max].toSorted((one, other) => one - other))
    expect(average).toBeLessThanOrEqual(max)
    expect(load.duration).toBeGreaterThan(1.45)
    expect(load.present / (3 * load.duration)).toBeCloseTo(1, 1)
    expect(load.responding).toBeLessThanOrEqual(load.present * 1.01)
    // Two clocks: on a busy machine some milliseconds lie between them.
    expect(load.responding / ((load.requests * average) / 1000)).toBeCloseTo(1, 1)
    expect(load.cores).toBeLessThan(1.5)
  })

  it('takes a connection that ends in good order for no failure', async () => {
    await using door = await openFrontDoor({ closeEvery: 7 })
    const { load } = await loadWith(driver, door)
    expect(Object.keys(load.statuses)).toEqual(['200'])
    expect(load.wrongBodies).toBe(0)
  })
})

describe.each(await drivers(process.env))('$name, lied to', (driver) => {
  const withLies = async (lies: Lies, plan?: Partial<Plan>) => {
    await using door = await openFrontDoor(lies)
    const { load, seconds } = await loadWith(driver, door, plan)
    holdsTogether(load)
    return { load, seconds, told: door.told, asked: door.asked.length }
  }

  it('sees every one of the failures when one answer in a hundred is a 500', async () => {
    const { load, seconds, told } = await withLies({ failEvery: 100, slow: 1 })
    expect(told.failures).toBeGreaterThan(0)
    expect(load.statuses).toEqual({ 200: load.requests - told.failures, 500: told.failures })
    expect(load.cache.none).toBe(told.failures)
    expect(load.wrongBodies).toBe(0)
    expect(sum(seconds.map(({ failures }) => failures))).toBe(told.failures)
  })

  it('sees every wrong body of one key among many', async () => {
    const { load, told } = await withLies({ wrongKey: 'key-102' })
    expect(told.wrong).toBeGreaterThan(0)
    expect(load).toMatchObject({ wrongBodies: told.wrong, statuses: { 200: load.requests } })
  })

  it('sees the wrong number of primes', async () => {
    const { load, asked } = await withLies({}, { process: { n: 10_000, primes: 1_230 } })
    expect(load.wrongBodies / asked).toBeCloseTo(0.5, 1)
  })

  it.each([
    ['misses told as hits', 'cache; hit; ttl=3, gateway-1; fwd=uri-miss; detail=l2', 'hit'],
    ['hits told as misses', 'gateway-1; fwd=vary-miss', 'miss'],
    ['fills shared with others', 'gateway-1; fwd=uri-miss; collapsed', 'collapsed'],
    ['a cache that is not the gateway’s', 'cdn; hit', 'none'],
    ['a gateway that says neither', 'gateway-1; detail=x', 'none'],
  ] as const)('tells on %s', async (_, cacheStatus, outcome) => {
    const plan = { expects: 'miss', keys: { ...NAMES, count: 100_000 }, duration: 1 } as const
    const { load } = await withLies({ cacheStatus, slow: 5 }, plan)
    expect(load.cache).toEqual({ hit: 0, miss: 0, collapsed: 0, none: 0, [outcome]: load.requests })
    expect(load.requests).toBeGreaterThan(0)
  })

  it('counts connections that are reset, and goes on right after each', async () => {
    const { load, told } = await withLies({ resetKey: 'key-101', slow: 2 })
    const { ECONNRESET = 0, ...others } = load.statuses
    expect(others).toEqual({ 200: load.requests - ECONNRESET })
    expect(ECONNRESET).toBeGreaterThan(0)
    // k6 repeats a request by itself whose kept connection is lost before any answer.
    expect(ECONNRESET).toBeLessThanOrEqual(told.resets)
    expect(load.wrongBodies).toBe(0)
    expect(load.cache.none).toBe(ECONNRESET)
  })

  it('counts answers that break off, and reads the next ones right', async () => {
    const { load, told } = await withLies({ breakKey: 'key-101', slow: 2 })
    const { ECONNRESET = 0, ...others } = load.statuses
    expect(others).toEqual({ 200: load.requests - ECONNRESET })
    expect(ECONNRESET).toBe(told.breaks)
    expect(ECONNRESET).toBeGreaterThan(0)
    expect(load.wrongBodies).toBe(0)
  })

  it('counts requests that nobody takes', async () => {
    const door = await openFrontDoor()
    await door[Symbol.asyncDispose]()
    const { load } = await loadWith(driver, door, { duration: 1 })
    expect(load.statuses).toEqual({ ECONNREFUSED: load.requests })
    expect(load.requests).toBeGreaterThan(0)
  })

  it.each([20, 2])('says that the keys ran out, and asks for none twice, with %i keys for 3 users', async (count) => {
    await using door = await openFrontDoor()
    const { load } = await loadWith(driver, door, { expects: 'miss', keys: { ...NAMES, count } })
    expect(door.asked.length).toBe(count)
    expect(load).toMatchObject({ requests: count, statuses: { 200: count } })
    expect(load.outOfKeys).toBeGreaterThan(0)
  })
})

describe.each(await drivers(process.env))('$name, stopped', (driver) => {
  it('ends at once with the reason, leaves no connection, and shows nobody the token', async () => {
    await using door = await openFrontDoor({ slow: 2 })
    const stop = new AbortController()
    const loading = loadWith(driver, door, { duration: 60 }, stop.signal)
    const outcome = loading.then(
      () => 'done',
      (error: unknown) => error,
    )
    await expect.poll(() => door.asked.length).toBeGreaterThan(10)
    expect(commandLines().filter((line) => line.includes(TOKEN))).toEqual([])
    stop.abort(new Error('enough'))
    expect(await outcome).toEqual(new Error('enough'))
    await expect.poll(door.connections).toBe(0)
  })

  it('does not begin when it is too late already', async () => {
    await using door = await openFrontDoor()
    await expect(loadWith(driver, door, {}, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    expect(door.asked).toEqual([])
  })

  it('fails with the generator’s last words, or ours, where the plan cannot be done', async () => {
    await using door = await openFrontDoor()
    const shape = { kind: 'users', users: 100, joinPerSecond: 1, think: [1, 2] } as const
    const loading = loadWith(driver, door, { shape, duration: 2 })
    await expect(loading).rejects.toThrow(DriverError)
    const why = driver.shapes.includes('users')
      ? /^k6 [\d.]+ ended with exit code \d+:\n.*100 users joining 1 a second take 100 s/s
      : /^autocannon [\d.]+ has no users who join and think; .*make k6/
    await expect(loading).rejects.toThrow(why)
  })
})

describe.each((await drivers(process.env)).filter(({ shapes }) => shapes.includes('users')))(
  '$name, with users',
  (driver) => {
    it('lets them join one after another, think, and stay to the end', async () => {
      await using door = await openFrontDoor({ slow: 10 })
      const { load } = await loadWith(driver, door, { shape: USERS, duration: 2.5 })
      expect(load.statuses).toEqual({ 200: door.asked.length })
      // Ten users, of whom the first half second has half: Little’s law with everything measured.
      expect(load.present).toBeGreaterThan(0.9 * (10 * 2.25))
      expect(load.present).toBeLessThan(1.1 * (10 * 2.25))
      expect((load.responding + load.thinking) / load.present).toBeCloseTo(1, 1)
      expect(load.thinking / load.requests).toBeGreaterThan(0.05)
      expect(load.thinking / load.requests).toBeLessThan(0.15)
      expect(load.duration).toBeCloseTo(2.5, 0)
    })
  },
)

const { k6 } = await findK6(process.env['PATH'])
if (k6) scenarioTests(k6)

/** Of every process; none where there is no /proc. */
function commandLines(): string[] {
  const pids = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return pids.flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')]
    } catch {
      return []
    }
  })
}
