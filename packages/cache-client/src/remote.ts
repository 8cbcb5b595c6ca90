/** L2 as one flight asks it: a verdict in time or none, then what the verdict promised. */
import { Compile } from 'typebox/compile'
import type { Dispatcher } from 'undici'
import type { Entry } from './cache.ts'
import { FrameError, open } from './frame.ts'
import { type Head, Incoming } from './incoming.ts'
import { type Lease, ServiceLease } from './lease.ts'
import { LineReader } from './lines.ts'
import { patience } from './patience.ts'
import { ageOf } from './windows.ts'
import { Decision, digest, HEADER, MAX_FRAME_BYTES } from './wire.ts'

/** For an entry's frame, which the service has whole. */
const BODY_MS = 2000
/** Until a wait is decided: the service ends the lease that is waited for after 30 s at the latest. */
const WAIT_MS = 30_000 + BODY_MS

export type Answer =
  /** A hit may be stale, within `whileRevalidate`: another gateway is revalidating it. */
  | { readonly is: 'hit' | 'filled'; readonly seq: number; readonly entry: Entry }
  /** `stale`: what is to be revalidated. */
  | { readonly is: 'lease'; readonly seq: number; readonly lease: Lease; readonly stale: Entry | undefined }
  /** `stale`: what may be used instead, within `ifError`. */
  | {
      readonly is: 'failed'
      readonly seq: number
      readonly status: number
      readonly error: string
      readonly stale: Entry | undefined
    }
  | { readonly is: 'pass' }
  /** No answer that can be used: ask the origin without the cache. `damaged`: L2 holds bytes that are not the entry. */
  | { readonly is: 'nothing' | 'damaged'; readonly why: string }

/** The verdict's headers came; `answer` settles when all that follows has come, and never rejects. */
export interface Verdict {
  readonly name: 'hit' | 'lease' | 'wait' | 'pass' | 'nothing'
  readonly seq: number
  readonly answer: Promise<Answer>
}

export interface Question {
  readonly key: string
  readonly url: string
  readonly session: string
  /** In use already; what is asked for is a younger one. */
  readonly held: Entry | undefined
  /** The cache must never cost a read more than this, in milliseconds: only the verdict is so short of time. */
  readonly verdictMs: number
  /** The first to abort says that nobody wants the answer any more. */
  readonly signals: readonly AbortSignal[]
}

const decision = Compile(Decision)

/** Asks for one entry. Never rejects. */
export async function ask(pool: Dispatcher, question: Question, clock: () => number): Promise<Verdict> {
  const { key, url, session, held, verdictMs, signals } = question
  const hash = digest(key)
  const answer = new Incoming(...signals)
  const stopWaiting = patience(verdictMs, () => answer.destroy(new Error(`no verdict in ${verdictMs} ms`)))
  const sentAt = clock()
  const headers = {
    [HEADER.session]: session,
    [HEADER.url]: digest(url),
    ...(held ? { [HEADER.refresh]: String(Math.floor(ageOf(held, sentAt))) } : {}),
  }
  try {
    pool.dispatch({ method: 'GET', path: `/entries/${hash}`, headers, headersTimeout: 0, bodyTimeout: 0 }, answer)
    return verdictOf(await answer.head, answer, { pool, hash, key, sentAt, clock })
  } catch (error) {
    return nothing((error as Error).message)
  } finally {
    stopWaiting()
  }
}

interface Asked {
  pool: Dispatcher
  hash: string
  key: string
  sentAt: number
  clock: () => number
}

function verdictOf({ status, headers }: Head, body: Incoming, asked: Asked): Verdict {
  const name = headers[HEADER.verdict]
  const seq = Number(headers[HEADER.seq])
  const token = headers[HEADER.token]
  const known = status === 200 && Number.isSafeInteger(seq)
  const settled = (answer: Promise<Answer>) =>
    answer.catch((error: Error): Answer => {
      // What is left of it would keep the connection.
      body.destroy()
      return { is: error instanceof FrameError ? 'damaged' : 'nothing', why: error.message }
    })
  if (known && name === 'hit') return { name, seq, answer: settled(readHit(body, seq, asked)) }
  if (known && name === 'wait') return { name, seq, answer: settled(readDecision(body, asked)) }
  if (known && name === 'lease' && typeof token === 'string') {
    const lines = new LineReader(body, MAX_FRAME_BYTES)
    const staleBytes = Number(headers[HEADER.stale] ?? 0)
    return { name, seq, answer: settled(readLease(body, lines, { seq, token, staleBytes }, asked, asked.sentAt)) }
  }
  void body.dump().catch(() => {})
  if (known && name === 'pass') return { name, seq, answer: Promise.resolve({ is: 'pass' }) }
  return nothing(`the cache service answered ${status}`)
}

async function readHit(body: Incoming, seq: number, asked: Asked): Promise<Answer> {
  // The answer's way here counts as age (RFC 9111, 4.2.3: response delay).
  const entry = await readEntry(new LineReader(body, MAX_FRAME_BYTES), asked, asked.sentAt, body)
  return { is: 'hit', seq, entry }
}

/** The lease stands while its answer stays open; what is to be revalidated comes first. */
async function readLease(
  body: Incoming,
  lines: LineReader,
  { seq, token, staleBytes }: { seq: number; token: string; staleBytes: number },
  asked: Asked,
  at: number,
): Promise<Answer> {
  const stale = staleBytes > 0 ? await inTime(lines.bytes(staleBytes), body, BODY_MS) : undefined
  const lease = new ServiceLease(asked.pool, asked.hash, token, lines, () => body.destroy())
  return { is: 'lease', seq, lease, stale: stale && whole(stale, asked, at) }
}

async function readDecision(body: Incoming, asked: Asked): Promise<Answer> {
  const lines = new LineReader(body, MAX_FRAME_BYTES)
  const text = await inTime(lines.line(), body, WAIT_MS)
  const decided: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!decision.Check(decided)) throw new Error('a wait ended without a decision')
  const { seq } = decided
  const now = asked.clock()
  if (decided.outcome === 'lease') {
    const { token, stale: staleBytes = 0 } = decided
    return readLease(body, lines, { seq, token, staleBytes }, asked, now)
  }
  if (decided.outcome === 'filled') return { is: 'filled', seq, entry: await readEntry(lines, asked, now, body) }
  if (decided.outcome === 'failed') {
    const { status, error } = decided
    const rest = await inTime(lines.remainder(), body, BODY_MS)
    return { is: 'failed', seq, status, error, stale: decided.stale && whole(rest, asked, now) }
  }
  void body.dump().catch(() => {})
  return { is: 'pass' }
}

/** The entry, whole and checked. */
async function readEntry(lines: LineReader, asked: Asked, at: number, body: Incoming): Promise<Entry> {
  return checked(await inTime(lines.remainder(), body, BODY_MS), asked, at)
}

/** @throws {FrameError} */
function checked(bytes: Buffer, { key }: Asked, at: number): Entry {
  const entry = open(bytes, at)
  if (entry.key !== key) throw new FrameError('the entry is another one')
  return entry
}

/** The same of a stale one; one that is damaged is missed by nobody. */
function whole(bytes: Buffer, asked: Asked, at: number): Entry | undefined {
  try {
    return checked(bytes, asked, at)
  } catch {
    return undefined
  }
}

/** A part of the body; what does not come within `ms` is not waited for any longer. */
async function inTime<T>(part: Promise<T>, body: Incoming, ms: number): Promise<T> {
  if (body.ended) return part
  const timer = setTimeout(() => body.destroy(), ms)
  try {
    return await part
  } finally {
    clearTimeout(timer)
  }
}

function nothing(why: string): Verdict {
  return { name: 'nothing', seq: 0, answer: Promise.resolve({ is: 'nothing', why }) }
}
