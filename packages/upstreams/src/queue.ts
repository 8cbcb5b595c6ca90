/** Who may go now, who waits for a place, and who is refused: a cluster's bounded queue, first in, first out. */
import type { Limit } from './cluster-limits.ts'
import type { Exchange, ProxyErrorType } from './exchange.ts'

/** A request as the queue sees it. Whatever is called here first, `start` and `refuse` are called once at most. */
export interface Queued<E> {
  readonly exchange: Exchange | undefined
  /** It goes to this endpoint, and is among those that are running until it ends. */
  start(endpoint: E): boolean
  /** It is in the queue now; `leave` takes it out. */
  wait(): void
  refuse(type: ProxyErrorType): false
  /** Some time has passed. */
  sweep(): void
}

export interface QueueOptions<E> {
  readonly limits: Readonly<Record<Limit, number>>
  /** Those that have started and not ended. */
  readonly running: { readonly size: number }
  /**
   * The endpoint for a request; `busy` where all that it could have are at their `max`, or `open` is false: no more may
   * be on their way; undefined where none is usable.
   */
  readonly choose: (exchange: Exchange | undefined, open: boolean) => E | 'busy' | undefined
}

/**
 * One for a cluster, as HAProxy's backends have: a queue for each endpoint would leave one waiting while another endpoint
 * is free. What need not wait passes through without being kept.
 */
export class Queue<E extends object, R extends Queued<E>> {
  /** How many were refused, by the limit that was reached; what waited for too long counts for `pending`. */
  readonly rejected: Record<Limit, number> = { connections: 0, pending: 0, requests: 0 }
  readonly #options: QueueOptions<E>
  /** The oldest first. */
  readonly #waiting: R[] = []
  #woken = false
  #closed = false

  constructor(options: QueueOptions<E>) {
    this.#options = options
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length
  }

  /** Starts it, keeps it waiting, or refuses it. */
  take(request: R): boolean {
    if (this.#waiting.length > 0) this.#advance()
    const { limits, running } = this.#options
    const waiting = this.#waiting.length
    if (running.size + waiting >= limits.requests) return this.reject(request, 'requests')
    // Of those that wait none can go now, or it would have gone just before.
    const choice = this.#choice(request)
    if (choice === undefined) return request.refuse('destination_unavailable')
    if (choice !== 'busy') return request.start(choice)
    if (waiting >= limits.pending) {
      return this.reject(request, limits.pending === 0 && !this.#open ? 'connections' : 'pending')
    }
    this.#waiting.push(request)
    request.wait()
    return true
  }

  /** Refuses one that is not waiting, or not any more. */
  reject(request: R, limit: Limit): false {
    this.rejected[limit]++
    return request.refuse('connection_limit_reached')
  }

  leave(request: R): void {
    const at = this.#waiting.indexOf(request)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** One has ended, or an endpoint has changed: whoever can go now goes, but not from within this call. */
  wake(): void {
    if (this.#waiting.length === 0 || this.#woken) return
    this.#woken = true
    // undici calls while it has a connection in its hands: a moment later that one is free to be used.
    queueMicrotask(() => {
      this.#woken = false
      this.#advance()
    })
  }

  /** To be called now and then: time ends ejections, and the patience of those that wait. */
  sweep(): void {
    for (let at = this.#waiting.length - 1; at >= 0; at--) this.#waiting[at]?.sweep()
    this.wake()
  }

  /** Refuses all that wait and all that come. */
  close(): void {
    this.#closed = true
    this.#advance()
  }

  get #open(): boolean {
    return this.#options.running.size < this.#options.limits.connections
  }

  #choice({ exchange }: R): E | 'busy' | undefined {
    return this.#closed ? undefined : this.#options.choose(exchange, this.#open)
  }

  #advance(): void {
    for (let at = 0; at < this.#waiting.length; ) {
      const request = this.#waiting[at] as R
      const choice = this.#choice(request)
      if (choice === 'busy') {
        // Where one that may have any endpoint finds none, nobody does; one that is sent again avoids those that had it.
        if (!this.#open || !request.exchange?.tried.length) return
        at++
        continue
      }
      this.#waiting.splice(at, 1)
      if (choice === undefined) request.refuse('destination_unavailable')
      else request.start(choice)
      // Whoever was told may have dispatched or left by now.
      at = 0
    }
  }
}
