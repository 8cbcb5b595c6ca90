/** What k6 tells of a run under way, through its REST API: sums so far, of which the differences are seconds. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DriverSecond } from '../plan.ts'

/** Milliseconds between two looks for the first request. */
const LOOK_AGAIN_MS = 50
const ANSWER_WITHIN_MS = 900

export interface Sums {
  readonly requests: number
  readonly failures: number
  /** Seconds. */
  readonly waited: number
}

export interface Progress {
  /** Full seconds seen, and what had been counted when the last of them was over. */
  readonly seconds: number
  readonly sums: Sums
}

/**
 * Follows the k6 whose API is at `url` until `signal` aborts. `onBegin` is called at the first request, then `onSecond`
 * each second. Only k6's counters are read: for times, k6 would sort all that it has, in the middle of its work.
 */
export async function followProgress(
  url: string,
  { onBegin, onSecond }: { onBegin: () => void; onSecond: (second: DriverSecond) => void },
  signal: AbortSignal,
): Promise<Progress> {
  let sums: Sums = { requests: 0, failures: 0, waited: 0 }
  let seconds = 0
  try {
    while (!(await counter(url, 'requests', signal))) await delay(LOOK_AGAIN_MS, undefined, { signal })
    onBegin()
    for (const from = performance.now(); ; ) {
      await delay(from + (seconds + 1) * 1000 - performance.now(), undefined, { signal })
      const now = await readSums(url, sums, signal)
      if (signal.aborted) break
      onSecond(difference(++seconds, sums, now))
      sums = now
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return { seconds, sums }
}

export function difference(second: number, before: Sums, now: Sums): DriverSecond {
  const requests = now.requests - before.requests
  const average = requests > 0 ? ((now.waited - before.waited) * 1000) / requests : 0
  return { second, requests, failures: now.failures - before.failures, average }
}

async function readSums(url: string, before: Sums, signal: AbortSignal): Promise<Sums> {
  const [requests, failures, waited] = await Promise.all([
    counter(url, 'requests', signal),
    counter(url, 'failures', signal),
    counter(url, 'waited_seconds', signal),
  ])
  // Where k6 did not answer, the next second has both; the three must be of one moment.
  if (requests === undefined || failures === undefined || waited === undefined) return before
  return { requests, failures, waited }
}

/** Undefined while k6 does not answer; 0 for a counter that it does not know since nothing was counted. */
async function counter(url: string, name: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)])
    const answer = await fetch(`${url}/v1/metrics/${name}`, { signal: within })
    if (answer.status === 404) {
      await answer.body?.cancel()
      return 0
    }
    const { data } = (await answer.json()) as { data: { attributes: { sample: { count: number } } } }
    return data.attributes.sample.count
  } catch {
    return undefined
  }
}
