/** What follows from the figures of a run without judging them. Shares of nothing are NaN, which `figures.ts` writes as a dash. */
import type { Load, NotRun, Run } from '../run.ts'

export type Row = Run | NotRun

export const isRun = (row: Row): row is Run => !('notRun' in row)

/** Requests a second. */
export const rate = ({ requests, duration }: Load) => requests / duration

export const hitRatio = ({ cache, requests }: Load) => cache.hit / requests

/** Statuses but 2xx, and errors that came instead of an answer, the most frequent first. */
export function failures({ statuses }: Load): [status: string, count: number][] {
  return Object.entries(statuses)
    .filter(([status, count]) => count > 0 && !/^2\d\d$/.test(status))
    .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
}

/** Whatever did not become a 2xx, a request that nothing is known of included. */
export function failed({ statuses, requests }: Load): number {
  const good = Object.entries(statuses).reduce((sum, [status, count]) => sum + (/^2\d\d$/.test(status) ? count : 0), 0)
  return Math.max(0, requests - good)
}
