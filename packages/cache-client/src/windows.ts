/** How an entry may be used at which age: its own word for it, which holds wherever it is kept. */
import type { Entry } from './cache.ts'

/** Each in milliseconds of age, none less than `fresh`, `keep` the greatest. */
export interface Windows {
  /** Until then it is used as it is. */
  readonly fresh: number
  /** Until then it is used while somebody revalidates it (RFC 5861, 3). */
  readonly whileRevalidate: number
  /** Until then it is used where the origin fails (RFC 5861, 4). */
  readonly ifError: number
  /** Until then it is used for whoever says that a stale one will do (`max-stale`; RFC 9111, 5.2.1.2). */
  readonly ifAsked: number
  /** Until then it is kept at all: past the others, for its validators. */
  readonly keep: number
}

/** Windows of what is of no use once it is stale. `ms` of age. */
export function freshOnly(ms: number): Windows {
  return { fresh: ms, whileRevalidate: ms, ifError: ms, ifAsked: ms, keep: ms }
}

/** The same, at this moment no longer fresh. */
export function softened<T extends { readonly ageMs: number; readonly at: number }>(
  entry: T,
  { fresh }: Windows,
  now: number,
): T {
  return { ...entry, ageMs: Math.max(fresh, ageOf(entry, now)), at: now }
}

/** RFC 9111, 4.2.3: its age at `at`, and the time since; `now` on the entry's clock. */
export function ageOf(entry: Pick<Entry, 'ageMs' | 'at'>, now: number): number {
  return entry.ageMs + (now - entry.at)
}
