/** The life of one process as the outside sees it: starting, ready, draining. Shared by every server of that process. */

/**
 * ```
 * starting --ready()--> ready --drain()--> draining
 *     \------------------drain()------------/
 * ```
 */
export type LifecycleState = 'starting' | 'ready' | 'draining'

export class Lifecycle {
  #state: LifecycleState = 'starting'
  readonly #draining = new AbortController()

  get state(): LifecycleState {
    return this.#state
  }

  /** Aborts when draining begins, so that long-lived streams can end themselves. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  ready(): void {
    if (this.#state === 'starting') this.#state = 'ready'
  }

  drain(): void {
    this.#state = 'draining'
    this.#draining.abort()
  }
}
