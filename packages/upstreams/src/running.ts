/** The requests of a cluster that are under way, and the clock by which their silence is measured. */
import { Deadlines, type Due } from './deadlines.ts'

interface Member extends Due {
  sweep(): void
  abort(reason: Error): void
}

export class Running extends Deadlines<Member> {
  /** Milliseconds counted by sweeps: stands still while our own event loop does, so that its lag times nobody out. */
  swept = 0

  /** Ends what has been silent for too long; to be called every `ms`. */
  sweep(ms: number): void {
    this.swept += ms
    this.each((member) => member.sweep())
  }

  abort(reason: Error): void {
    this.each((member) => member.abort(reason))
  }
}
