/**
 * An open load: requests arrive when they arrive, a Poisson process, whatever became of those before. Each is timed from
 * the moment it was to be sent, so that one that waited for this process counts as what its user would have waited.
 */
import { exponential, seeded } from '@spillway/upstreams/simulation'
import { Pool } from 'undici'
import { type AnsweredFrom, answeredFrom } from '../answered-from.ts'
import { answerOnce } from '../channel.ts'
import { percentile } from '../spread.ts'
import { zipf } from '../zipf.ts'

export interface OpenPlan {
  /** Each request goes to the next one. */
  readonly urls: readonly string[]
  /** What is asked for: `prefix` and a number below `count` behind it, by Zipf's law with the exponent `skew`. */
  readonly paths: { readonly prefix: string; readonly count: number; readonly skew: number }
  readonly headers?: Readonly<Record<string, string>>
  /** Requests a second, on average. */
  readonly rate: number
  readonly seconds: number
  readonly seed: number
}

export interface OpenLoad {
  /** That requests arrived for. */
  readonly seconds: number
  readonly requests: number
  readonly good: number
  /** What came instead of 2xx: statuses, and errors by their code. */
  readonly failures: Readonly<Record<string, number>>
  /** Where good answers came from; empty where no cache told. */
  readonly from: Readonly<Partial<Record<AnsweredFrom, number>>>
  /** Milliseconds, of good answers. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  /** Milliseconds that 99 % of the requests were not sent later than they were to be. */
  readonly late: number
}

/** Longer than a bad upstream makes anybody wait; who waits so long has no answer. */
const TIMEOUT_MS = 10_000

async function load({ urls, paths, headers = {}, rate, seconds, seed }: OpenPlan): Promise<OpenLoad> {
  const random = seeded(seed)
  const pools = urls.map((url) => new Pool(url, { pipelining: 1, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }))
  const gap = exponential(1000 / rate)
  const rank = zipf(paths.count, paths.skew)
  const times: number[] = []
  const lateness: number[] = []
  const failures: Record<string, number> = {}
  const from: Partial<Record<AnsweredFrom, number>> = {}

  const ask = async (due: number) => {
    lateness.push(performance.now() - due)
    const pool = pools[lateness.length % pools.length] as Pool
    const failure = await pool.request({ path: paths.prefix + rank(random), method: 'GET', headers }).then(
      async ({ statusCode, headers: told, body }) => {
        await body.dump()
        if (statusCode < 200 || statusCode > 299) return String(statusCode)
        const source = answeredFrom(told['cache-status'])
        if (source) from[source] = (from[source] ?? 0) + 1
        return undefined
      },
      (error: NodeJS.ErrnoException) => error.code ?? error.name,
    )
    if (failure === undefined) times.push(performance.now() - due)
    else failures[failure] = (failures[failure] ?? 0) + 1
  }

  const asked: Promise<void>[] = []
  const arriving = Promise.withResolvers<void>()
  const until = performance.now() + seconds * 1000
  let due = performance.now() + gap(random)
  const arrive = () => {
    for (; due <= performance.now() && due < until; due += gap(random)) asked.push(ask(due))
    if (due >= until) arriving.resolve()
    else setTimeout(arrive, due - performance.now())
  }
  arrive()
  await arriving.promise
  await Promise.all(asked)
  await Promise.all(pools.map((pool) => pool.close()))

  const [sorted, late] = [Float64Array.from(times).sort(), Float64Array.from(lateness).sort()]
  return {
    seconds,
    requests: asked.length,
    good: times.length,
    failures,
    from,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
    max: percentile(sorted, 1),
    late: percentile(late, 0.99),
  }
}

answerOnce(load)
