/** What is counted of requests: of a server's, whichever app answers them, and of those that one app has yet to end. */
import { measureServer, type Registry } from '@spillway/metrics'
import type { onRequestHookHandler } from 'fastify'
import { Load } from './load.ts'

/** Of one server. */
export class Traffic {
  readonly load = new Load()
  readonly measure: onRequestHookHandler | undefined

  /** @param options `measured`: whether `/metrics` tells of it. Default: true */
  constructor(registry: Registry, { measured = true }: { measured?: boolean } = {}) {
    if (measured) this.measure = measureServer(registry)
  }
}

/** Of one app. */
export class Underway {
  #count = 0
  readonly #none: (() => void)[] = []

  begin(): void {
    this.#count++
  }

  end(): void {
    this.#count--
    if (this.#count === 0) for (const resolve of this.#none.splice(0)) resolve()
  }

  /** Resolves when there is none; for whoever sends it no more. */
  none(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => this.#none.push(resolve))
  }
}
