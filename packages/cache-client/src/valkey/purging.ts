/** Sends one purge to Valkey until it is done there. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Purge } from '../cache.ts'
import { PurgeUnconfirmed, UNCONFIRMED } from '../purging.ts'
import { digest } from '../wire.ts'
import type { Connection } from './connection.ts'
import { EVERYTHING, hashName, tagName } from './scripts.ts'

/** In all, however often it is sent. */
const ANSWER_MS = 5000
const AGAIN_AFTER_MS = 50

/**
 * Resolves when no gateway can be given what the purge names. A Valkey that cannot be reached may still be reached by
 * others, or come back with what it had: nothing is known then, not even after a while.
 * @throws {PurgeUnconfirmed} after 5 s, or when `closing` aborts
 */
export async function sendPurge(connection: Connection, purge: Purge, closing: AbortSignal): Promise<void> {
  const args = [purge.soft ? 'soft' : '', ...namesOf(purge)]
  const until = performance.now() + ANSWER_MS
  for (;;) {
    try {
      await connection.run('purge', args, Math.max(1, until - performance.now()))
      return
    } catch (error) {
      // Sent again, it purges once more, which harms nothing.
      const goesOn = until - performance.now() > AGAIN_AFTER_MS && !closing.aborted
      if (!goesOn) throw new PurgeUnconfirmed(UNCONFIRMED, { cause: error })
    }
    await delay(AGAIN_AFTER_MS, undefined, { signal: closing }).catch(() => {})
  }
}

function namesOf(purge: Purge): string[] {
  if ('all' in purge) return [EVERYTHING]
  return 'keys' in purge ? purge.keys.map((key) => hashName(digest(key))) : purge.tags.map(tagName)
}
