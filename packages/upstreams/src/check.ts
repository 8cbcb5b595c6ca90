/** Active checks: every endpoint is asked for its readiness, often while it is out of rotation and at once when it broke. */
import type { Client, Dispatcher } from 'undici'
import { LONGEST_LOOK, type Wanted } from './check-spec.ts'
import type { Condition, Finding } from './condition.ts'
import { proxyError } from './errors.ts'

/** Milliseconds from one check to the next, give or take a tenth; a check without an answer by then is bad. */
const INTERVAL = 2_000
/** The same where nothing is known yet, or the last word was bad (HAProxy's `fastinter`, `downinter`): back in a second. */
const OUT_INTERVAL = 500
const JITTER = 0.1
/** The shortest time from one check to the next. */
const SOON = 250
/** A time-out that our own event loop notices this much too late says nothing about the endpoint. */
const OWN_LAG = 250

interface Checked {
  readonly condition: Condition
  /**
   * A connection of the check's own. Traffic's may all be busy, and tell nothing about whether another one is had: a
   * process that accepts no more, and one that took a dead one's place, are found by connecting anew.
   */
  newcomer(port: number | undefined): Client
  checked(finding: Finding): void
}

export interface CheckOptions {
  readonly wanted: Wanted
  readonly clock: () => number
  readonly random: () => number
}

/** Go on until stopped. */
export class Checks {
  readonly #options: CheckOptions
  readonly #rounds = new Map<Checked, Round>()

  constructor(options: CheckOptions) {
    this.#options = options
  }

  /** Its first check is at once. */
  add(endpoint: Checked): void {
    this.#schedule(endpoint, 0, { startedAt: Number.NEGATIVE_INFINITY, stopped: new AbortController() })
  }

  remove(endpoint: Checked): void {
    const round = this.#rounds.get(endpoint)
    clearTimeout(round?.timer)
    round?.stopped.abort()
    this.#rounds.delete(endpoint)
  }

  /**
   * A connection to this endpoint broke. Asking now tells a process that died, whose connections are refused, from one
   * that misbehaves: the first must be down, and back two good checks after its restart, instead of serving an ejection.
   */
  soon(endpoint: Checked): void {
    const round = this.#rounds.get(endpoint)
    if (!round) return
    round.hurried = true
    if (round.timer) this.#schedule(endpoint, Math.max(0, SOON - (this.#options.clock() - round.startedAt)), round)
  }

  stop(): void {
    for (const endpoint of this.#rounds.keys()) this.remove(endpoint)
  }

  #schedule(endpoint: Checked, delay: number, last: Pick<Round, 'startedAt' | 'stopped' | 'timer'>): void {
    clearTimeout(last.timer)
    const timer = setTimeout(() => void this.#run(endpoint, last.stopped), delay)
    this.#rounds.set(endpoint, { startedAt: last.startedAt, stopped: last.stopped, hurried: false, timer })
  }

  async #run(endpoint: Checked, stopped: AbortController): Promise<void> {
    const { clock, random } = this.#options
    const round: Round = { startedAt: clock(), stopped, hurried: false, timer: undefined }
    this.#rounds.set(endpoint, round)
    const finding = await check(endpoint, this.#options, stopped.signal)
    if (stopped.signal.aborted) return
    endpoint.checked(finding)
    const { state } = endpoint.condition
    const usual = state === 'starting' || state === 'down' ? OUT_INTERVAL : INTERVAL
    const interval = round.hurried ? SOON : usual * (1 - JITTER + 2 * JITTER * random())
    this.#schedule(endpoint, Math.max(0, interval - (clock() - round.startedAt)), round)
  }
}

/** The last check of an endpoint, and the timer of the next unless it is under way. */
interface Round {
  readonly startedAt: number
  /** A connection broke meanwhile: whatever this one finds may be outdated. */
  hurried: boolean
  readonly timer?: NodeJS.Timeout | undefined
  /** Of the endpoint's checks altogether. */
  readonly stopped: AbortController
}

/** Asks once. Never rejects. */
export async function check(
  endpoint: Pick<Checked, 'newcomer'>,
  { wanted, clock }: Omit<CheckOptions, 'random'>,
  stopped: AbortSignal,
): Promise<Finding> {
  const { path, port } = wanted
  const due = clock() + INTERVAL
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), INTERVAL)
  const client = endpoint.newcomer(port)
  try {
    const signal = AbortSignal.any([late.signal, stopped])
    const headers = { accept: '*/*', ...wanted.headers }
    const { statusCode, body } = await client.request({ path, method: 'GET', signal, headers, reset: true })
    const start = await startOf(body)
    const reason = wanted.complaint(statusCode, start)
    if (reason === undefined) return { outcome: 'good' }
    if (statusCode === 503 && saysDraining(start)) return { outcome: 'draining' }
    return { outcome: 'bad', reason, refused: false }
  } catch (error) {
    if (late.signal.aborted) {
      const reason = `check not answered in ${INTERVAL} ms`
      return clock() - due > OWN_LAG ? { outcome: 'void' } : { outcome: 'bad', reason, refused: false }
    }
    const type = proxyError(error as Error)
    // That nobody listens at another port does not say that nobody does at the endpoint's.
    return { outcome: 'bad', reason: type, refused: type === 'connection_refused' && port === undefined }
  } finally {
    clearTimeout(timer)
    void client.destroy()
  }
}

async function startOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    chunks.push(chunk)
    if (bytes >= LONGEST_LOOK) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, LONGEST_LOOK)
}

/** Our services' `/ready` answers `{"status":"draining"}`. */
function saysDraining(body: string): boolean {
  try {
    return (JSON.parse(body) as { status?: unknown } | null)?.status === 'draining'
  } catch {
    return false
  }
}
