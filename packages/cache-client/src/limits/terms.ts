/** A limit in numbers, as whoever borrows for it needs them. */
import type { Rate } from './gcra.ts'

export interface LimitOptions {
  /** So many requests in `perMs` milliseconds, at most 100,000 each second. */
  requests: number
  perMs: number
  /** How many may come at once. Default: `requests`. */
  burst?: number
}

export interface Terms {
  readonly rate: Rate
  /** What one gateway asks for ahead, at most: so much that others have enough left. */
  readonly batch: number
  /** Within half of it what is borrowed is spent, within the whole given back. */
  readonly holdMs: number
  /** While there is nothing, a gateway asks no oftener. */
  readonly askAgainMs: number
}

const SHORTEST_HOLD_MS = 100
const LONGEST_HOLD_MS = 2000
const ASK_AGAIN_MS = 20

export function termsOf({ requests, perMs, burst = requests }: LimitOptions): Terms {
  const intervalMs = perMs / requests
  const batch = Math.max(1, Math.floor(burst / 10))
  return {
    rate: { intervalMs, burst },
    batch,
    holdMs: Math.min(Math.max(perMs / 20, SHORTEST_HOLD_MS), LONGEST_HOLD_MS),
    // What comes back meanwhile must fit into the burst, or it is lost.
    askAgainMs: Math.min(ASK_AGAIN_MS, (batch * intervalMs) / 2),
  }
}
