/** Writes a run's progress, at most twice a second however often the task tells it. */

const WRITE_EVERY_MS = 500

export class Progress {
  readonly #write: (fraction: number) => Promise<boolean>
  readonly #timer: NodeJS.Timeout
  #latest = 0
  #written = 0
  #writing = false

  /** @param lost called when a write finds that the job is not ours any more */
  constructor(write: (fraction: number) => Promise<boolean>, lost: () => void) {
    this.#write = write
    this.#timer = setInterval(() => void this.#tick(lost), WRITE_EVERY_MS)
  }

  /** What is less than before, or no number, is ignored; what is more than 1 counts as 1. */
  tell(fraction: number): void {
    if (fraction > this.#latest) this.#latest = Math.min(fraction, 1)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #tick(lost: () => void): Promise<void> {
    const fraction = this.#latest
    if (this.#writing || fraction === this.#written) return
    this.#writing = true
    try {
      if (await this.#write(fraction)) this.#written = fraction
      else lost()
    } catch {
      // PostgreSQL is away; the next tick writes what is known then.
    } finally {
      this.#writing = false
    }
  }
}
