/**
 * What limits come to over several gateways, in virtual time: never more than is stated, hardly less, and no waiting where
 * there is something in hand. Nobody's clock is right but the ledger's and each gateway's own, which run alike.
 */
import fc from 'fast-check'
import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { Limiter } from './limiter.ts'
import type { Quota, Taken } from './quota.ts'
import { type LimitOptions, termsOf } from './terms.ts'
import { Borrowing, type Budget } from './wire.ts'

/** Time that passes when it is told to, and what is due in it. */
class Timeline {
  now = 1000
  readonly #due: { at: number; order: number; run: () => void }[] = []
  #order = 0
  #isSorted = true

  at(time: number, run: () => void): void {
    this.#due.push({ at: Math.max(time, this.now), order: this.#order++, run })
    this.#isSorted = false
  }

  async runUntil(end: number): Promise<void> {
    // What was begun before may have something to put in yet.
    await new Promise(setImmediate)
    for (;;) {
      // What is due next is last.
      if (!this.#isSorted) this.#due.sort((a, b) => b.at - a.at || b.order - a.order)
      this.#isSorted = true
      const next = this.#due.at(-1)
      if (!next || next.at > end) break
      this.#due.pop()
      this.now = next.at
      next.run()
      await new Promise(setImmediate)
    }
    this.now = end
  }
}

interface Way {
  /** Each way, in milliseconds. */
  delayMs: () => number
  isCut: boolean
}

class Cluster {
  readonly timeline = new Timeline()
  readonly gateways: { quota: Quota; limiter: Limiter; way: Way }[] = []
  /** When a request passed. */
  readonly passed: number[] = []
  refused = 0
  asked = 0
  waited = 0
  #ledger = new Ledger()

  constructor(count: number, limit: LimitOptions, delayMs = () => 1) {
    for (let n = 0; n < count; n++) {
      const way = { delayMs, isCut: false }
      const limiter = new Limiter({ budget: this.#behind(way, count), clock: () => this.timeline.now })
      this.gateways.push({ limiter, way, quota: limiter.quota('test', limit) })
    }
  }

  /** Whatever was known is not any more. */
  restart(): void {
    this.#ledger = new Ledger()
  }

  request(gateway: number, subject = 'ada'): Promise<Taken> {
    const taken = (this.gateways[gateway] as (typeof this.gateways)[0]).quota.take(subject)
    if (taken instanceof Promise) this.waited++
    else this.#count(taken)
    return Promise.resolve(taken).then((decided) => {
      if (taken instanceof Promise) this.#count(decided)
      return decided
    })
  }

  /** Comes `each` ms on the whole, at gateways in turn, from now on. */
  async load(each: number, forMs: number, gateways = this.gateways.map((_, index) => index)): Promise<void> {
    const end = this.timeline.now + forMs
    let turn = 0
    for (let at = this.timeline.now; at < end; at += each) {
      const gateway = gateways[turn++ % gateways.length] as number
      this.timeline.at(at, () => void this.request(gateway))
    }
    await this.timeline.runUntil(end)
  }

  /** The most that passed in any time of so many milliseconds. */
  most(withinMs: number): number {
    let first = 0
    return this.passed.reduce((most, time, index) => {
      while ((this.passed[first] as number) <= time - withinMs) first++
      return Math.max(most, index - first + 1)
    }, 0)
  }

  #count({ allowed }: Taken): void {
    if (allowed) this.passed.push(this.timeline.now)
    else this.refused++
  }

  #behind(way: Way, gateways: number): Budget {
    return {
      borrow: (asks) =>
        new Promise((resolve, reject) => {
          this.asked++
          if (!Check(Borrowing, { asks })) throw new Error(`not what the wire takes: ${JSON.stringify(asks)}`)
          const { timeline } = this
          timeline.at(timeline.now + way.delayMs(), () => {
            if (way.isCut) return timeline.at(timeline.now + 250, () => reject(new Error('no answer')))
            const grants = asks.map((ask) => this.#ledger.lend(ask, timeline.now))
            timeline.at(timeline.now + way.delayMs(), () => {
              if (way.isCut) reject(new Error('lost'))
              else resolve({ gateways, grants })
            })
          })
        }),
    }
  }
}

const minute: LimitOptions = { requests: 100, perMs: 60_000, burst: 20 }

/** What may pass in so long a time at most. */
const bound = (limit: LimitOptions, ms: number) => {
  const { rate, holdMs } = termsOf(limit)
  return rate.burst + (ms + holdMs) / rate.intervalMs
}

const limits = fc.constantFrom<LimitOptions>(
  { requests: 10, perMs: 1000 },
  { requests: 500, perMs: 1000, burst: 100 },
  { requests: 20, perMs: 10_000, burst: 1 },
  { requests: 60, perMs: 60_000 },
  { requests: 600, perMs: 60_000, burst: 50 },
  { requests: 5, perMs: 60_000, burst: 2 },
)
interface Step {
  pauseMs: number
  count: number
  gateway: number | 'all'
  together: boolean
}

/** Bursts and pauses; how many come, at which gateway or at each in turn, and whether together or spread over the pause. */
const walks = fc.array(
  fc.record<Step>({
    pauseMs: fc.oneof(fc.nat(20), fc.nat(600), fc.nat(5000), fc.constant(30_000)),
    count: fc.oneof(fc.nat(5), fc.nat(100)),
    gateway: fc.oneof(fc.nat(4), fc.constant('all' as const)),
    together: fc.boolean(),
  }),
  { maxLength: 40 },
)

async function play(cluster: Cluster, walk: readonly Step[]): Promise<void> {
  let { now } = cluster.timeline
  for (const { pauseMs, count, gateway, together } of walk) {
    for (let n = 0; n < count; n++) {
      const at = together ? now : now + (n * pauseMs) / count
      cluster.timeline.at(at, () => void cluster.request((gateway === 'all' ? n : gateway) % cluster.gateways.length))
    }
    now += pauseMs
  }
  await cluster.timeline.runUntil(now + 1000)
}

describe('a limit over several gateways', () => {
  it('is never exceeded by more than what may be in hand, in any time and under any load', async () => {
    const holds = fc.asyncProperty(
      limits,
      fc.integer({ min: 1, max: 5 }),
      walks,
      fc.nat(40),
      async (limit, count, walk, delay) => {
        const cluster = new Cluster(count, limit, () => (delay * ((cluster.asked * 7) % 10)) / 10)
        await play(cluster, walk)
        for (const ms of [1, 50, 500, 1000, 5000, 20_000, 60_000]) {
          expect(cluster.most(ms)).toBeLessThanOrEqual(bound(limit, ms))
        }
      },
    )
    await fc.assert(holds, { numRuns: 500 })
  }, 60_000)

  it.each([
    ['one gateway of three', [0]],
    ['three gateways', [0, 1, 2]],
  ])('is nearly used up where %s are asked for more than it', async (_, gateways) => {
    for (const limit of [
      minute,
      { requests: 1000, perMs: 1000, burst: 100 },
      { requests: 10, perMs: 1000, burst: 2 },
    ]) {
      const { rate } = termsOf(limit)
      const cluster = new Cluster(3, limit)
      const ms = 300 * rate.intervalMs
      await cluster.load(rate.intervalMs / 3, ms, gateways)
      const may = rate.burst + 300
      expect(cluster.passed.length).toBeGreaterThan(0.95 * may)
      expect(cluster.passed.length).toBeLessThanOrEqual(bound(limit, ms))
    }
  })

  it.each([1, 3])('refuses hardly anybody of whom less come than it lets pass, at %i gateways', async (count) => {
    const cluster = new Cluster(count, minute)
    await cluster.load(600 / 0.95, 300_000)
    expect(cluster.refused).toBe(0)
  })

  it('lets the whole burst pass at once, at one gateway or spread over all', async () => {
    for (const at of [() => 0, (n: number) => n % 3]) {
      const cluster = new Cluster(3, minute)
      for (let n = 0; n < 100; n++) void cluster.request(at(n))
      await cluster.timeline.runUntil(cluster.timeline.now + 500)
      expect([cluster.passed.length, cluster.refused]).toEqual([20, 80])
    }
  })

  it('is hoarded by no gateway: what is borrowed and not needed is worth nothing after a while', async () => {
    const limit = { requests: 100, perMs: 60_000 }
    const cluster = new Cluster(5, limit)
    const { timeline } = cluster
    await cluster.load(10, 800)
    await timeline.runUntil(timeline.now + 120_000)
    const before = cluster.passed.length
    for (let n = 0; n < 1000; n++) timeline.at(timeline.now + n / 10, () => void cluster.request(n % 5))
    await timeline.runUntil(timeline.now + 100)
    expect(cluster.passed.length - before).toBeLessThanOrEqual(bound(limit, 100))
    expect(cluster.passed.length - before).toBeGreaterThanOrEqual(95)
  })

  it('is decided without waiting for a busy key, and with few questions', async () => {
    const cluster = new Cluster(3, { requests: 10_000, perMs: 1000, burst: 10_000 })
    await cluster.load(1, 10_000)
    expect(cluster.passed.length).toBe(10_000)
    expect(cluster.waited).toBeLessThan(100)
    expect(cluster.asked).toBeLessThan(1200)
  })

  it('costs the budget one question for many keys that come together', async () => {
    const cluster = new Cluster(1, minute)
    for (let n = 0; n < 500; n++) void cluster.request(0, `user-${n}`)
    await cluster.timeline.runUntil(cluster.timeline.now + 10)
    expect([cluster.passed.length, cluster.asked]).toEqual([500, 1])
  })

  it('tells whoever is refused when to come again, and then lets one pass', async () => {
    const cluster = new Cluster(3, { requests: 5, perMs: 60_000, burst: 2 })
    for (let n = 0; n < 3; n++) void cluster.request(n)
    await cluster.timeline.runUntil(cluster.timeline.now + 10)
    const { timeline } = cluster
    const asking = cluster.request(1)
    await timeline.runUntil(timeline.now + 10)
    const refused = await asking
    expect(refused).toMatchObject({ allowed: false, left: 0 })
    expect(refused.waitMs).toBeGreaterThan(11_900)
    expect(refused.waitMs).toBeLessThanOrEqual(12_000)
    await timeline.runUntil(timeline.now + refused.waitMs)
    const again = cluster.request(1)
    await timeline.runUntil(timeline.now + 10)
    expect(await again).toMatchObject({ allowed: true })
  })
})

describe('a limit whose budget cannot be reached', () => {
  it('is divided by as many gateways as were last known, so that together they keep to it', async () => {
    const cluster = new Cluster(3, minute)
    await cluster.load(600, 6000)
    for (const { way } of cluster.gateways) way.isCut = true
    const before = cluster.passed.length
    await cluster.load(100, 600_000)
    const passed = cluster.passed.length - before
    expect(passed).toBeGreaterThan(0.95 * 1000)
    expect(passed).toBeLessThanOrEqual(1000 + 20)
  })

  it('lets nobody wait who comes after the first', async () => {
    const cluster = new Cluster(1, minute)
    ;(cluster.gateways[0] as { way: Way }).way.isCut = true
    void cluster.request(0)
    await cluster.timeline.runUntil(cluster.timeline.now + 500)
    const { waited } = cluster
    await cluster.load(600, 60_000)
    expect(cluster.waited).toBe(waited)
    expect(cluster.refused).toBe(0)
    // It is asked twice a second whether it is there again.
    expect(cluster.asked).toBeLessThan(125)
  })

  it('knows afterwards what passed meanwhile', async () => {
    const cluster = new Cluster(3, minute)
    await cluster.load(600, 6000)
    for (const { way } of cluster.gateways) way.isCut = true
    await cluster.load(100, 60_000)
    for (const { way } of cluster.gateways) way.isCut = false
    await cluster.load(100, 60_000)
    // A burst more for each time that the budget goes away.
    expect(cluster.most(60_000)).toBeLessThanOrEqual(bound(minute, 60_000) + 20)
    expect(cluster.most(120_000)).toBeLessThanOrEqual(bound(minute, 120_000) + 20)
  })

  it('is found again after however much has passed without it', async () => {
    const limit = { requests: 100_000, perMs: 1000 }
    const cluster = new Cluster(1, limit)
    const [{ quota, limiter, way }] = cluster.gateways as [(typeof cluster.gateways)[0]]
    way.isCut = true
    void cluster.request(0)
    await cluster.timeline.runUntil(cluster.timeline.now + 400)
    for (let second = 0; second < 15; second++) {
      for (let n = 0; n < 100_000; n++) void quota.take('ada')
      await cluster.timeline.runUntil(cluster.timeline.now + 1000)
    }
    way.isCut = false
    const { borrowed } = limiter.counters
    await cluster.load(1, 2000)
    expect(limiter.counters.borrowed).toBeGreaterThan(borrowed)
  })

  it('is exceeded by those cut off by their share at most, while others have the budget', async () => {
    const cluster = new Cluster(3, minute)
    await cluster.load(600, 6000)
    ;(cluster.gateways[2] as { way: Way }).way.isCut = true
    await cluster.load(50, 300_000)
    expect(cluster.most(60_000)).toBeLessThanOrEqual(bound(minute, 60_000) * (1 + 1 / 3) + 1)
  })

  it('is never exceeded by more than a burst for each time it was lost, whoever is cut off and when', async () => {
    const cuts = fc.array(fc.record({ atMs: fc.nat(60_000), forMs: fc.nat(5000) }), { minLength: 1, maxLength: 3 })
    const holds = fc.asyncProperty(limits, walks, cuts, async (limit, walk, times) => {
      const cluster = new Cluster(3, limit)
      // So that each has been told how many there are.
      await cluster.load(1, 3)
      await cluster.timeline.runUntil(2000)
      for (const { atMs, forMs } of times) {
        const cut = (isCut: boolean) => () => {
          for (const { way } of cluster.gateways) way.isCut = isCut
        }
        cluster.timeline.at(2000 + atMs, cut(true))
        cluster.timeline.at(2000 + atMs + forMs, cut(false))
      }
      await play(cluster, walk)
      const { rate } = termsOf(limit)
      const share = Math.max(rate.burst, 3)
      for (const ms of [50, 1000, 5000, 60_000]) {
        // Each time: what the shares let pass at once, and again the budget, of which the last answers may be lost.
        expect(cluster.most(ms)).toBeLessThanOrEqual(bound(limit, ms) + times.length * share)
      }
    })
    await fc.assert(holds, { numRuns: 100 })
  }, 60_000)

  it('has forgotten after a restart, which gives one burst more', async () => {
    const cluster = new Cluster(3, minute)
    await cluster.load(50, 30_000)
    cluster.restart()
    await cluster.load(50, 60_000)
    expect(cluster.most(60_000)).toBeLessThanOrEqual(bound(minute, 60_000) + 20)
  })
})

describe('what is remembered', () => {
  it('is bounded, whoever comes, and a key in use is not forgotten for it', async () => {
    const cluster = new Cluster(1, { requests: 5, perMs: 60_000 })
    const { limiter } = cluster.gateways[0] as { limiter: Limiter }
    for (let n = 0; n < 5; n++) void cluster.request(0, 'victim')
    await cluster.timeline.runUntil(cluster.timeline.now + 5)
    for (let round = 0; round < 8; round++) {
      for (let n = 0; n < 10_000; n++) void cluster.request(0, `address ${round} ${n}`)
      await cluster.timeline.runUntil(cluster.timeline.now + 50)
      const victim = cluster.request(0, 'victim')
      await cluster.timeline.runUntil(cluster.timeline.now + 5)
      expect(await victim).toMatchObject({ allowed: false })
    }
    expect(limiter.counters.keys).toBeLessThanOrEqual(50_000)
  })
})
