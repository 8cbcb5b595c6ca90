/** How late the event loop is, looked at again and again. */

const EVERY_MS = 20

/**
 * @param look is told how late the timer came, and how long ago the last one did; both in milliseconds
 * @returns ends it
 */
export function watchLoop(look: (lateMs: number, sinceMs: number) => void): () => void {
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const sinceMs = now - lookedAt
    lookedAt = now
    look(sinceMs - EVERY_MS, sinceMs)
  }, EVERY_MS)
  return () => clearInterval(timer)
}
