/** Gateways, the cache service and the origin in virtual time, and what can be done to them. */
import {
  type CacheClient,
  createCacheClient,
  type Entry,
  type Fill,
  type Filled,
  freshOnly,
  type Reading,
} from '@spillway/cache-client'
import { History } from './history.ts'
import { Host } from './host.ts'
import { type Kind, Network } from './network.ts'
import { SimulatedService } from './service.ts'
import { Timeline } from './timeline.ts'

export const KEYS = ['k', 'l'] as const
type Key = (typeof KEYS)[number]
export const KINDS: readonly Kind[] = ['stream', 'sessions', 'entries', 'purge']
/** Slow and fast clocks: between them lies what 1.8 s against 2 s allow for. */
export const RATES = [0.95, 1.05] as const

/** `g`: the gateway's number. `ms`: for how long. */
export type Step =
  | { readonly do: 'read'; readonly g: number; readonly key: Key; readonly patience: number }
  | { readonly do: 'write'; readonly g: number; readonly key: Key; readonly purge: 'url' | 'key' | 'tag' | 'all' }
  | { readonly do: 'refresh' | 'soften'; readonly g: number; readonly key: Key }
  | { readonly do: 'part'; readonly g: number; readonly kinds: readonly Kind[]; readonly ms: number }
  | { readonly do: 'cut'; readonly g: number; readonly kinds: readonly Kind[]; readonly told: Told }
  | { readonly do: 'stop' | 'kill'; readonly g: number; readonly ms: number }
  | { readonly do: 'close'; readonly g: number }
  | { readonly do: 'crash'; readonly told: Told; readonly ms: number }
  | { readonly do: 'freeze'; readonly ms: number }
type Told = 'both' | 'gateway' | 'service' | 'none'

export interface Course {
  readonly seed: number
  /** Of each gateway's clock, and last of the service's. */
  readonly rates: readonly number[]
  readonly steps: readonly { readonly after: number; readonly step: Step }[]
}

interface Gateway {
  readonly host: Host
  readonly client: CacheClient
}

/** Longer than anything takes. */
export const PATIENT = 60_000
const FAILED = { outcome: 'failed', status: 502, error: 'connection_terminated' } as const
const TAG = 'all-items'
const logger = { info() {}, warn() {} }
const urlOf = (key: string) => `url:${key}`

export class Cluster {
  readonly #timeline: Timeline
  readonly #network: Network
  readonly #history: History
  readonly #rates: readonly number[]
  readonly #gateways: Gateway[] = []
  /** What the origin holds: each write takes the next version of its key. */
  readonly #origin = new Map<Key, number>()
  readonly #pending = new Set<object>()
  #boots = 0

  constructor({ seed, rates }: Course) {
    this.#timeline = new Timeline(seed)
    this.#network = new Network(this.#timeline)
    this.#history = new History(this.#timeline)
    this.#rates = rates
    this.#boot()
    for (let g = 0; g < rates.length - 1; g++) this.#start(g)
  }

  /** Takes the steps, lets every fault end, and sees that all that was asked for is answered and the cluster is well. */
  async run(steps: Course['steps']): Promise<void> {
    await this.#pass(1000)
    for (const { after, step } of steps) {
      this.#history.note(JSON.stringify(step))
      this.#take(step)
      await this.#pass(after)
    }
    this.#network.calm = true
    // The longest fault, then what was on the way.
    await this.#pass(6000)
    for (let waited = 0; this.#complaint; waited += 500) {
      if (waited > PATIENT) throw new Error(this.#complaint)
      await this.#pass(500)
    }
  }

  get #complaint(): string | undefined {
    const [asked] = this.#pending
    if (asked) return `never answered: ${JSON.stringify(asked)}`
    const away = this.#gateways.find(({ client }) => !client.state.live)
    return away && `${away.host.name} has no session`
  }

  async #pass(ms: number): Promise<void> {
    await this.#timeline.pass(ms, () => {
      for (const { host, client } of this.#gateways) this.#look(host, client)
      if (this.#history.violation) throw new Error(this.#history.violation)
    })
  }

  /** Whatever L1 would answer at this moment. */
  #look(host: Host, client: CacheClient): void {
    if (!host.alive) return
    for (const key of KEYS) {
      const entry = client.peek(key)
      if (entry) this.#history.returned(key, this.#history.floor(key), Number(entry.body), `${host.name}'s L1`)
    }
  }

  #take(step: Step): void {
    if (step.do === 'crash') this.#crash(step)
    else if (step.do === 'freeze') this.#network.listener?.host.stop(step.ms)
    else this.#at(this.#gateways[step.g] as Gateway, step)
  }

  #at(gateway: Gateway, step: Exclude<Step, { do: 'crash' | 'freeze' }>): void {
    const { host, client } = gateway
    if (!host.alive) return
    if (step.do === 'read') this.#read(gateway, step)
    else if (step.do === 'write') this.#write(gateway, step)
    else if (step.do === 'refresh') this.#refresh(gateway, step.key)
    else if (step.do === 'soften') this.#soften(gateway, step.key)
    else if (step.do === 'part') this.#network.part(host, step.kinds, step.ms)
    else if (step.do === 'cut') this.#network.cut(host, step.kinds, step.told)
    else if (step.do === 'stop') host.stop(step.ms)
    else if (step.do === 'kill') this.#kill(step.g, step.ms)
    else host.do(() => void client.close().then(() => this.#kill(step.g, 0)))
  }

  #boot(): void {
    const epoch = `e${++this.#boots}`
    const host = new Host(epoch, this.#timeline, this.#rates.at(-1) as number)
    this.#network.listener = new SimulatedService(host, epoch, this.#history)
  }

  #crash({ told, ms }: { told: Told; ms: number }): void {
    const { listener } = this.#network
    if (!listener) return
    listener.host.kill()
    this.#history.crashed()
    this.#network.listener = undefined
    this.#network.cut('all', KINDS, told)
    this.#timeline.at(this.#timeline.now + ms, () => this.#boot())
  }

  #start(g: number): void {
    const host = new Host(`g${g}`, this.#timeline, this.#rates[g] as number)
    const { clock } = host
    host.do(() => {
      const dispatcher = this.#network.from(host)
      this.#gateways[g] = {
        host,
        client: createCacheClient({ url: 'http://cache', instance: host.name, logger, clock, dispatcher }),
      }
    })
  }

  #kill(g: number, ms: number): void {
    const { host } = this.#gateways[g] as Gateway
    host.kill()
    this.#network.cut(host, KINDS, this.#timeline.random() < 0.5 ? 'service' : 'none')
    for (const asked of this.#pending) if ('of' in asked && asked.of === host.name) this.#pending.delete(asked)
    this.#timeline.at(this.#timeline.now + ms, () => this.#start(g))
  }

  /** `patience`: milliseconds until the reader leaves. */
  #read({ host, client }: Gateway, { key, patience }: { key: Key; patience: number }): void {
    // The client's moment: a stopped gateway comes to it later.
    const floor = this.#history.floor(key)
    const leaving = new AbortController()
    this.#perform(host, `read of ${key}`, async () => {
      host.after(patience, () => leaving.abort(new Error('the reader has left')))
      const reading = await client.read(key, urlOf(key), this.#fill(host, key), leaving.signal)
      const version = versionOf(reading)
      this.#history.note(`${host.name} read ${key}: ${reading.outcome} ${version ?? ''}`)
      if (version !== undefined) this.#history.returned(key, floor, version, `${host.name}, ${reading.outcome},`)
    })
  }

  #write({ host, client }: Gateway, { key, purge }: { key: Key; purge: 'url' | 'key' | 'tag' | 'all' }): void {
    this.#perform(host, `write of ${key}`, async () => {
      const version = await this.#askOrigin(host, () => {
        const next = (this.#origin.get(key) ?? 0) + 1
        this.#origin.set(key, next)
        this.#history.note(`the origin has ${key} ${next}`)
        return next
      })
      const names = {
        url: { tags: [urlOf(key)] },
        key: { keys: [key] },
        tag: { tags: [TAG] },
        all: { all: true },
      } as const
      await client.purge(names[purge])
      this.#history.acknowledged(key, version)
      // Whoever was told of the write looks at once, wherever that is.
      for (const gateway of this.#gateways) if (gateway.host.alive) this.#read(gateway, { key, patience: PATIENT })
    })
  }

  /** Until it has ended, well or not, or its gateway is killed. */
  #perform(host: Host, what: string, act: () => Promise<void>): void {
    const asked = { of: host.name, what, at: this.#timeline.now }
    this.#pending.add(asked)
    host.do(() => {
      act()
        .catch((error: Error) => this.#history.note(`${host.name}: the ${what} ended: ${error.message}`))
        .finally(() => this.#pending.delete(asked))
    })
  }

  /** As for an answer that is in use and about to expire. */
  #refresh({ host, client }: Gateway, key: Key): void {
    host.do(() => {
      const held = client.peek(key)
      if (held) client.refresh(key, urlOf(key), this.#fill(host, key), held)
    })
  }

  /** An administrator's, which nobody need see: what it makes stale is as new as before. */
  #soften({ host, client }: Gateway, key: Key): void {
    this.#perform(host, `soft purge of ${key}`, () => client.purge({ tags: [urlOf(key)], soft: true }))
  }

  #fill(host: Host, key: Key): Fill {
    const { random } = this.#timeline
    return async (signal, stale) => {
      this.#history.note(`${host.name} asks the origin for ${key}${stale ? ` unless it is ${stale.body}` : ''}`)
      const began = host.clock()
      const version = await this.#askOrigin(host, () => revalidated(stale, this.#origin.get(key) ?? 0))
      signal.throwIfAborted()
      const luck = random()
      if (luck < 0.05) return { outcome: 'uncacheable' }
      if (luck < 0.15) return FAILED
      const entry = entryOf(key, version, { at: host.clock(), fillMs: host.clock() - began, brief: luck < 0.5 })
      if (random() < 0.5) return { outcome: 'cacheable', entry }
      // Its head has come; its body takes as long again, and may break.
      const whole = this.#askOrigin(host, (): Filled => (random() < 0.9 ? { outcome: 'cacheable', entry } : FAILED))
      return { outcome: 'begun', answer: { version }, tags: entry.tags, whole }
    }
  }

  /** There and back, each way as long as it takes; the origin does it at one moment between. */
  #askOrigin<T>(host: Host, act: () => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    const { random } = this.#timeline
    const way = () => {
      const luck = random()
      return this.#timeline.now + (luck < 0.7 ? 10 : luck < 0.95 ? 600 : 5000) * random()
    }
    this.#timeline.at(way(), () => {
      const result = act()
      this.#timeline.at(way(), () => host.do(() => resolve(result)))
    })
    return promise
  }
}

/** `brief`: soon stale, then of use for a while. */
function entryOf(
  key: Key,
  version: number,
  { at, fillMs, brief }: { at: number; fillMs: number; brief: boolean },
): Entry {
  const windows = brief
    ? { fresh: 300, whileRevalidate: 3000, ifError: 10_000, ifAsked: 10_000, keep: 20_000 }
    : freshOnly(60_000)
  const tags = [urlOf(key), TAG]
  return {
    key,
    status: 200,
    headers: [],
    body: Buffer.from(`${version}`),
    ageMs: 0,
    at,
    windows,
    fillMs,
    tags,
    vary: [],
  }
}

/** Two versions share a validator, as do two within a second by `Last-Modified`: 304 may be said of one that is not the newest. */
function revalidated(stale: Entry | undefined, newest: number): number {
  const known = stale && Number(stale.body)
  return known !== undefined && known >> 1 === newest >> 1 ? known : newest
}

/** Undefined where the reader has asked, or will ask, the origin himself, or got nothing. */
function versionOf(reading: Reading): number | undefined {
  if (reading.outcome === 'begun') return (reading.answer as { version: number }).version
  const entry = 'entry' in reading ? reading.entry : 'stale' in reading ? reading.stale : undefined
  return entry && Number(entry.body)
}
