/** Sends one purge until the cache service has answered it, or is known to be dead and its L2 with it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import type { Purge } from './cache.ts'
import { SESSION_MS } from './wire.ts'

/** In all, however often it is sent. */
const ANSWER_MS = 5000
const AGAIN_AFTER_MS = 50

export const UNCONFIRMED =
  'The write, where there was one, is done, but the cache has not confirmed that it forgot what was there before: old copies may be served until they expire. Writing or purging again asks it again.'

/** No answer in 5 s: what was purged may still be served somewhere. */
export class PurgeUnconfirmed extends Error {
  override name = 'PurgeUnconfirmed'
  readonly code = 'purge_unconfirmed'
  readonly statusCode = 504
  readonly title = 'The purge is not confirmed'
}

/**
 * Resolves when no gateway can serve what the purge names.
 * @throws {PurgeUnconfirmed} after 5 s without an answer, on an answer that is none, or when `closing` aborts
 */
export async function sendPurge(pool: Dispatcher, purge: Purge, closing: AbortSignal): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS)
  const signal = AbortSignal.any([late.signal, closing])
  try {
    while (!(await sendOnce(pool, purge, signal))) await delay(AGAIN_AFTER_MS, undefined, { signal })
  } catch (error) {
    if (!isRefused(error)) throw new PurgeUnconfirmed(UNCONFIRMED, { cause: error })
    // Nobody listens, so nobody confirms sessions either: 2 s from now every L1 has lapsed, and L2 has died already.
    clearTimeout(timer)
    await delay(SESSION_MS, undefined, { signal: closing }).catch((aborted: Error) => {
      throw new PurgeUnconfirmed(UNCONFIRMED, { cause: aborted })
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Whether it was answered; false for a connection lost meanwhile: sent again, it purges once more, which harms nothing. */
async function sendOnce(pool: Dispatcher, purge: Purge, signal: AbortSignal): Promise<boolean> {
  const response = await pool
    .request({
      method: 'POST',
      path: '/purge',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(purge),
      signal,
      headersTimeout: 0,
    })
    .catch((error: Error) => {
      if (signal.aborted || isRefused(error)) throw error
    })
  if (!response) return false
  await response.body.dump().catch(() => {})
  if (response.statusCode !== 204) throw new Error(`the cache service answered a purge with ${response.statusCode}`)
  return true
}

function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
}
