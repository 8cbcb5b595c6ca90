/** The addresses of one name: asked for again and again, the last good answer kept for a while. */
import { lookup } from 'node:dns/promises'

/** Gives a name's addresses, or rejects; none is a failure too. It must settle: it is not asked again before. */
export type Resolve = (name: string) => Promise<readonly string[]>

/**
 * getaddrinfo, and not DNS alone: so `localhost`, /etc/hosts, and Docker's and Kubernetes' short names work. It takes one
 * of libuv's few threads until it ends, which nothing can hasten.
 */
const system: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address)

/** Milliseconds from one answer to the next question, give or take a tenth. */
const INTERVAL = 5_000
/** The same after a failure. */
const SOON = 500
const JITTER = 0.1
/** A lookup without an answer by then has failed; what it still finds is taken by the next one. */
const PATIENCE = 5_000
/** How long the last good answer stands. Docker knows no name for a service while none of its containers runs. */
const KEPT = 30_000

export interface AddressesOptions {
  /** A host name as URLs have it. */
  readonly name: string
  readonly resolve?: Resolve | undefined
  readonly clock: () => number
  readonly random: () => number
  /** Called after each good answer, and when the last one stands no longer. */
  readonly onChange: () => void
  /** Called when it turns out whether the name resolves, and when that changes. */
  readonly onTransition: (transition: { from: string; to: string; reason: string }) => void
}

type State = 'unknown' | 'resolved' | 'unresolved'

/** Begins at once, its first answer comes later; goes on until stopped. */
export class Addresses {
  /** How many there were of each outcome. */
  readonly lookups = { answered: 0, failed: 0 }
  readonly #options: AddressesOptions
  readonly #resolve: Resolve
  #current: readonly string[] = []
  #state: State = 'unknown'
  #goodAt = 0
  /** Resolves to the addresses, or to why there are none. */
  #underWay: Promise<readonly string[] | string> | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: AddressesOptions) {
    this.#options = options
    this.#resolve = options.resolve ?? system
    void this.#look()
  }

  get current(): readonly string[] {
    return this.#current
  }

  /** A lookup under way ends by itself, unheard. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { clock, random, onChange } = this.#options
    const answer = await this.#answer()
    if (this.#stopped) return
    const good = typeof answer !== 'string'
    this.lookups[good ? 'answered' : 'failed']++
    if (good) this.#become('resolved', 'DNS answers')
    else this.#become('unresolved', answer)
    if (good) this.#goodAt = clock()
    const outdated = this.#current.length > 0 && clock() - this.#goodAt >= KEPT
    if (good || outdated) {
      this.#current = good ? answer : []
      onChange()
    }
    const interval = (good ? INTERVAL : SOON) * (1 - JITTER + 2 * JITTER * random())
    this.#timer = setTimeout(() => void this.#look(), interval)
  }

  /** One lookup at a time: where the last one hangs yet, it is waited for again. */
  async #answer(): Promise<readonly string[] | string> {
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = undefined
    })
    const late = Promise.withResolvers<string>()
    this.#timer = setTimeout(late.resolve, PATIENCE, `no answer in ${PATIENCE} ms`)
    const answer = await Promise.race([this.#underWay, late.promise])
    clearTimeout(this.#timer)
    return answer
  }

  async #ask(): Promise<readonly string[] | string> {
    try {
      const addresses = await this.#resolve(this.#options.name)
      return addresses.length > 0 ? addresses : 'no address'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error)
    }
  }

  #become(state: State, reason: string): void {
    if (state === this.#state) return
    const from = this.#state
    this.#state = state
    this.#options.onTransition({ from, to: state, reason })
  }
}
