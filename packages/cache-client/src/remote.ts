/** L2 as one flight asks it: a verdict in time or none, then what the verdict promised. */
import { Compile } from 'typebox/compile'
import type { Dispatcher, Pool } from 'undici'
import type { Entry } from './cache.ts'
import { FrameError, open } from './frame.ts'
import { type Lease, ServiceLease } from './lease.ts'
import { LineReader } from './lines.ts'
import { Decision, digest, HEADER, MAX_FRAME_BYTES } from './wire.ts'

/** Only the verdict is timed; the cache must never cost a read more than this. */
const VERDICT_MS = 250
/** For an entry's frame, which the service has whole. */
const BODY_MS = 2000

export type Answer =
  | { readonly is: 'hit' | 'filled'; readonly seq: number; readonly entry: Entry }
  | { readonly is: 'lease'; readonly seq: number; readonly lease: Lease }
  | { readonly is: 'failed'; readonly seq: number; readonly status: number; readonly error: string }
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
  /** Aborts when nobody wants the answer any more. */
  readonly signal: AbortSignal
}

const decision = Compile(Decision)

/** Asks for one entry. Never rejects. */
export async function ask(pool: Pool, question: Question, clock: () => number): Promise<Verdict> {
  const { key, url, session, signal } = question
  const hash = digest(key)
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no verdict in ${VERDICT_MS} ms`)), VERDICT_MS)
  const sentAt = clock()
  try {
    const response = await pool.request({
      method: 'GET',
      path: `/entries/${hash}`,
      headers: { [HEADER.session]: session, [HEADER.url]: digest(url) },
      signal: AbortSignal.any([signal, late.signal]),
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    return verdictOf(response, { pool, hash, key, sentAt, clock })
  } catch (error) {
    return nothing((error as Error).message)
  } finally {
    clearTimeout(timer)
  }
}

interface Asked {
  pool: Pool
  hash: string
  key: string
  sentAt: number
  clock: () => number
}

function verdictOf({ statusCode, headers, body }: Dispatcher.ResponseData, asked: Asked): Verdict {
  const name = headers[HEADER.verdict]
  const seq = Number(headers[HEADER.seq])
  const token = headers[HEADER.token]
  const known = statusCode === 200 && Number.isSafeInteger(seq)
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
    const lease = new ServiceLease(asked.pool, asked.hash, token, lines, () => body.destroy())
    return { name, seq, answer: Promise.resolve({ is: 'lease', seq, lease }) }
  }
  void body.dump().catch(() => {})
  if (known && name === 'pass') return { name, seq, answer: Promise.resolve({ is: 'pass' }) }
  return nothing(`the cache service answered ${statusCode}`)
}

async function readHit(body: Dispatcher.ResponseData['body'], seq: number, asked: Asked): Promise<Answer> {
  // The answer's way here counts as age (RFC 9111, 4.2.3: response delay).
  const entry = await readEntry(new LineReader(body, MAX_FRAME_BYTES), asked, asked.sentAt, () => body.destroy())
  return { is: 'hit', seq, entry }
}

async function readDecision(body: Dispatcher.ResponseData['body'], asked: Asked): Promise<Answer> {
  const lines = new LineReader(body, MAX_FRAME_BYTES)
  const text = await lines.line()
  const decided: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!decision.Check(decided)) throw new Error('a wait ended without a decision')
  const { seq } = decided
  if (decided.outcome === 'lease') {
    const lease = new ServiceLease(asked.pool, asked.hash, decided.token, lines, () => body.destroy())
    return { is: 'lease', seq, lease }
  }
  if (decided.outcome === 'filled') {
    return { is: 'filled', seq, entry: await readEntry(lines, asked, asked.clock(), () => body.destroy()) }
  }
  void body.dump().catch(() => {})
  return decided.outcome === 'pass'
    ? { is: 'pass' }
    : { is: 'failed', seq, status: decided.status, error: decided.error }
}

/** The entry, whole and checked. */
async function readEntry(lines: LineReader, { key }: Asked, at: number, destroy: () => void): Promise<Entry> {
  const timer = setTimeout(destroy, BODY_MS)
  try {
    const entry = open(await lines.remainder(), at)
    if (entry.key !== key) throw new FrameError('the entry is another one')
    return entry
  } finally {
    clearTimeout(timer)
  }
}

function nothing(why: string): Verdict {
  return { name: 'nothing', seq: 0, answer: Promise.resolve({ is: 'nothing', why }) }
}
