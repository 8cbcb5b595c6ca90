/** A cluster's endpoints: who they are now, those that come and those that leave. */
import { Addresses, type Resolve } from './addresses.ts'
import type { Checks } from './check.ts'
import { difference, type EndpointSpec, hostOf, type Place, placesOf, type Source, sourceOf } from './discovery.ts'
import type { Endpoint } from './endpoint.ts'
import type { Transition } from './transition.ts'

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
  readonly #sources: readonly Source[]
  /** Of the discovered sources. */
  readonly #addresses = new Map<Source, Addresses>()
  /** They finish what they have. An address may be here and be a member again, as another endpoint. */
  readonly #leaving = new Set<Endpoint>()
  #current: readonly Endpoint[] = []

  /** @throws {TypeError} on a bad entry, none, or the same twice */
  constructor(options: MembersOptions) {
    const { cluster, endpoints } = options
    this.#options = options
    this.#sources = endpoints.map(sourceOf)
    if (endpoints.length === 0) throw new TypeError(`${cluster} has no endpoints`)
    if (new Set(this.#sources.map(({ entry }) => entry)).size < endpoints.length) {
      throw new TypeError(`${cluster} has the same endpoint twice`)
    }
    const places = this.#sources.flatMap((source) => (source.discovered ? [] : placesOf(source, [])))
    this.#current = places.map((place) => this.#open(place, true))
    for (const source of this.#sources) if (source.discovered) this.#addresses.set(source, this.#discover(source))
  }

  /**
   * A new list whenever it changes. What has left is no part of it at once, though it may have requests yet: so an origin
   * stands here once, also when its address came back.
   */
  get current(): readonly Endpoint[] {
    return this.#current
  }

  /** Nobody comes or leaves any more. */
  async end(endPool: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    for (const addresses of this.#addresses.values()) addresses.stop()
    this.#options.checks?.stop()
    await Promise.all([...this.#current, ...this.#leaving].map(endPool))
  }

  #discover({ entry, origin }: Source): Addresses {
    const { resolve, clock, random, onTransition } = this.#options
    return new Addresses({
      name: hostOf(origin),
      resolve,
      clock,
      random,
      onChange: () => this.#update(),
      onTransition: (transition) => onTransition({ endpoint: entry, ...transition }),
    })
  }

  #update(): void {
    const found = this.#sources.flatMap((source) => placesOf(source, this.#addresses.get(source)?.current ?? []))
    const { kept, gone, added } = difference(this.#current, found)
    if (gone.length === 0 && added.length === 0) return
    this.#current = kept
    const known = new Set([...kept, ...gone].map(({ named }) => named))
    for (const endpoint of gone) this.#leave(endpoint)
    this.#current = [...kept, ...added.map((place) => this.#open(place, !known.has(place.named)))]
  }

  #open(place: Place, first: boolean): Endpoint {
    const endpoint = this.#options.open(place, first)
    if (place.address !== undefined) endpoint.arrive('DNS names it')
    this.#options.checks?.add(endpoint)
    return endpoint
  }

  #leave(endpoint: Endpoint): void {
    this.#options.checks?.remove(endpoint)
    endpoint.leave('DNS names it no longer')
    this.#leaving.add(endpoint)
    const left = () => void this.#leaving.delete(endpoint)
    // Resolves once its requests have ended; rejects where it is destroyed before.
    endpoint.pool.close().then(left, left)
  }
}
