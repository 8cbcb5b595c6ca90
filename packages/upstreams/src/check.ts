/** Active checks: every endpoint is asked for its readiness every two seconds. */
import type { Dispatcher } from 'undici'
import type { Finding } from './condition.ts'
import { proxyError } from './errors.ts'

/** Milliseconds from one check to the next, give or take a tenth; a check without an answer by then is bad. */
const INTERVAL = 2_000
const JITTER = 0.1
/** A time-out that our own event loop notices this much too late says nothing about the endpoint. */
const OWN_LAG = 250
/** Bytes of a refusal that are read to learn whether it says `draining`. */
const LONGEST_REFUSAL = 16_384

interface Checked {
  readonly origin: string
  readonly pool: Dispatcher
  checked(finding: Finding): void
}

export interface CheckOptions {
  readonly path: string
  readonly clock: () => number
  readonly random: () => number
}

/** Begins at once; the function it returns stops for good. */
export function startChecks(endpoints: readonly Checked[], options: CheckOptions): () => void {
  const stopped = new AbortController()
  const timers = new Map<Checked, NodeJS.Timeout>()
  const run = async (endpoint: Checked): Promise<void> => {
    const started = options.clock()
    const finding = await check(endpoint.pool, options, stopped.signal)
    if (stopped.signal.aborted) return
    endpoint.checked(finding)
    const interval = INTERVAL * (1 - JITTER + 2 * JITTER * options.random())
    const rest = Math.max(0, interval - (options.clock() - started))
    timers.set(
      endpoint,
      setTimeout(() => void run(endpoint), rest),
    )
  }
  for (const endpoint of endpoints) void run(endpoint)
  return () => {
    stopped.abort()
    for (const timer of timers.values()) clearTimeout(timer)
  }
}

/** Asks once. Never rejects. */
async function check(pool: Dispatcher, { path, clock }: CheckOptions, stopped: AbortSignal): Promise<Finding> {
  const due = clock() + INTERVAL
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), INTERVAL)
  try {
    const signal = AbortSignal.any([late.signal, stopped])
    const { statusCode, body } = await pool.request({ path, method: 'GET', signal, headers: { accept: '*/*' } })
    if (statusCode === 503 && (await saysDraining(body))) return { outcome: 'draining' }
    await body.dump()
    if (statusCode >= 200 && statusCode < 300) return { outcome: 'good' }
    return { outcome: 'bad', reason: `check answered ${statusCode}`, refused: false }
  } catch (error) {
    if (late.signal.aborted) {
      const reason = `check not answered in ${INTERVAL} ms`
      return clock() - due > OWN_LAG ? { outcome: 'void' } : { outcome: 'bad', reason, refused: false }
    }
    const type = proxyError(error as Error)
    return { outcome: 'bad', reason: type, refused: type === 'connection_refused' }
  } finally {
    clearTimeout(timer)
  }
}

/** Our services' `/ready` answers `{"status":"draining"}`. */
async function saysDraining(body: Dispatcher.ResponseData['body']): Promise<boolean> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > LONGEST_REFUSAL) return false
    chunks.push(chunk)
  }
  try {
    return (JSON.parse(Buffer.concat(chunks).toString()) as { status?: unknown } | null)?.status === 'draining'
  } catch {
    return false
  }
}
