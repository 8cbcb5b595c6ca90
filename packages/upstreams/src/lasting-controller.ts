/** The controller that whoever asked holds all along, while the dispatches that it stands for come and go. */
import type { Dispatcher } from 'undici'

export abstract class LastingController implements Dispatcher.DispatchController {
  protected live: Dispatcher.DispatchController | undefined
  #paused = false
  #reason: Error | null = null

  get aborted(): boolean {
    return this.#reason !== null
  }

  get reason(): Error | null {
    return this.#reason
  }

  get paused(): boolean {
    return this.#paused
  }

  get rawHeaders() {
    return this.live?.rawHeaders ?? null
  }

  get rawTrailers() {
    return this.live?.rawTrailers ?? null
  }

  pause(): void {
    this.#paused = true
    this.live?.pause()
  }

  resume(): void {
    this.#paused = false
    this.live?.resume()
  }

  abort(reason: Error): void {
    if (this.aborted || this.isOver) return
    this.#reason = reason
    this.stop(reason)
  }

  protected abstract readonly isOver: boolean
  /** Ends what is under way, as somebody asked: once, and only before it is over. */
  protected abstract stop(reason: Error): void

  /** From now on it stands for this one, which is told what was asked before there was any. Answers whether it may go on. */
  protected standFor(live: Dispatcher.DispatchController): boolean {
    this.live = live
    if (this.#paused) live.pause()
    if (this.#reason) live.abort(this.#reason)
    return !this.#reason
  }
}
