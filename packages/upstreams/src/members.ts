/** A cluster's endpoints: who they are now, those that come and those that leave. */
import { Addresses, type Resolve } from './addresses.ts'
import type { Checks } from './check.ts'
import { difference, type EndpointSpec, hostOf, type Place, placesOf, type Source, sourceOf } from './discovery.ts'
import type { Endpoint } from './endpoint.ts'
import type { Transition } from './transition.ts'

/** Who names members, where it is not DNS. */
const CONFIGURED = 'the configuration'

export interface MembersOptions {
  /** The cluster's name, for errors. */
  readonly cluster: string
  readonly endpoints: readonly (string | EndpointSpec)[]
  /** `first`: no endpoint of that entry was known before. */
  readonly open: (place: Place, first: boolean) => Endpoint
  readonly checks: Checks | undefined
  readonly resolve: Resolve | undefined
  readonly clock: () => number
  readonly random: () => number
  readonly onTransition: (transition: Transition) => void
}

export class Members {
  readonly #options: MembersOptions
  #sources: readonly Source[]
  /** Of the discovered sources, by entry. */
  readonly #addresses = new Map<string, Addresses>()
  /** Origins that were named when the cluster began: their first endpoints are as cold as all others. */
  readonly #named: ReadonlySet<string>
  /** They finish what they have. An address may be here and be a member again, as another endpoint. */
  readonly #leaving = new Set<Endpoint>()
  #current: readonly Endpoint[] = []

  /** @throws {TypeError} on a bad entry, none, or the same twice */
  constructor(options: MembersOptions) {
    this.#options = options
    this.#sources = this.#read(options.endpoints)
    this.#named = new Set(this.#sources.map(({ origin }) => origin))
    const places = this.#sources.flatMap((source) => (source.discovered ? [] : placesOf(source, [])))
    this.#current = places.map((place) => this.#open(place, true))
    this.#discover()
  }

  /**
   * Other entries from now on. What stays keeps what is known of it, and takes a new weight.
   * @throws {TypeError} as the constructor, and where an entry that stays has another `backup` or `max`; nothing changes then
   */
  update(endpoints: MembersOptions['endpoints']): void {
    const sources = this.#read(endpoints)
    const before = new Map(this.#sources.map((source) => [source.entry, source]))
    const stay = sources.filter(({ entry }) => before.has(entry))
    for (const { entry, traits } of stay) {
      const { backup, max } = before.get(entry)?.traits ?? traits
      if (backup === traits.backup && max === traits.max) continue
      throw new TypeError(`backup and max of ${entry} cannot change while it is a member`)
    }
    for (const { entry, traits, origin, discovered } of stay) {
      if (before.get(entry)?.traits.weight === traits.weight) continue
      const its = this.#current.filter(
        ({ named, address }) => named === origin && discovered === (address !== undefined),
      )
      for (const endpoint of its) endpoint.weigh(traits.weight, `by ${CONFIGURED}`)
    }
    this.#sources = sources
    this.#discover()
    this.#update(CONFIGURED)
  }

  /** Whether each entry has an endpoint, and each of those a verdict, good or bad. */
  get settled(): boolean {
    const found = new Set(this.#current.map(({ named }) => named))
    const missing = this.#sources.some(({ origin }) => !found.has(origin))
    return !missing && this.#current.every(({ condition }) => condition.state !== 'starting')
  }

  /**
   * A new list whenever it changes. What has left is no part of it at once, though it may have requests yet: so an origin
   * stands here once, also when its address came back.
   */
  get current(): readonly Endpoint[] {
    return this.#current
  }

  /** Of all names that DNS is asked for. */
  get lookups(): Addresses['lookups'] {
    const sum = { answered: 0, failed: 0 }
    for (const { lookups } of this.#addresses.values()) {
      sum.answered += lookups.answered
      sum.failed += lookups.failed
    }
    return sum
  }

  /** Nobody comes or leaves any more. */
  async end(endPool: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    for (const addresses of this.#addresses.values()) addresses.stop()
    this.#options.checks?.stop()
    await Promise.all([...this.#current, ...this.#leaving].map(endPool))
  }

  #read(endpoints: MembersOptions['endpoints']): Source[] {
    const { cluster } = this.#options
    const sources = endpoints.map(sourceOf)
    if (sources.length === 0) throw new TypeError(`${cluster} has no endpoints`)
    if (new Set(sources.map(({ entry }) => entry)).size < sources.length) {
      throw new TypeError(`${cluster} has the same endpoint twice`)
    }
    return sources
  }

  /** Asks DNS for the names that are entries now, and for no others any more. */
  #discover(): void {
    const { resolve, clock, random, onTransition } = this.#options
    const wanted = new Map(
      this.#sources.filter(({ discovered }) => discovered).map(({ entry, origin }) => [entry, origin]),
    )
    for (const [entry, addresses] of this.#addresses) {
      if (wanted.has(entry)) continue
      addresses.stop()
      this.#addresses.delete(entry)
    }
    for (const [entry, origin] of wanted) {
      if (this.#addresses.has(entry)) continue
      const addresses = new Addresses({
        name: hostOf(origin),
        resolve,
        clock,
        random,
        onChange: () => this.#update('DNS'),
        onTransition: (transition) => onTransition({ endpoint: entry, ...transition }),
      })
      this.#addresses.set(entry, addresses)
    }
  }

  /** `by`: who says now who is a member. */
  #update(by: string): void {
    const found = this.#sources.flatMap((source) => placesOf(source, this.#addresses.get(source.entry)?.current ?? []))
    const { kept, gone, added } = difference(this.#current, found)
    if (gone.length === 0 && added.length === 0) return
    this.#current = kept
    const known = new Set([...kept, ...gone].map(({ named }) => named))
    for (const endpoint of gone) this.#leave(endpoint, `${by} names it no longer`)
    const isFirst = ({ named }: Place) => this.#named.has(named) && !known.has(named)
    this.#current = [...kept, ...added.map((place) => this.#open(place, isFirst(place), `${by} names it`))]
  }

  /** `why` is told where there is something to tell: not of those that the cluster began with. */
  #open(place: Place, first: boolean, why?: string): Endpoint {
    const endpoint = this.#options.open(place, first)
    if (why !== undefined) endpoint.arrive(why)
    this.#options.checks?.add(endpoint)
    return endpoint
  }

  #leave(endpoint: Endpoint, why: string): void {
    this.#options.checks?.remove(endpoint)
    endpoint.leave(why)
    this.#leaving.add(endpoint)
    const left = () => void this.#leaving.delete(endpoint)
    // Resolves once its requests have ended; rejects where it is destroyed before.
    endpoint.pool.close().then(left, left)
  }
}
