/** A time limit for an answer that does not take this process's own lag for the other's slowness. */

/** What a read waits for the shared cache's verdict, where nothing else was agreed on. */
export const VERDICT_MS = 250
const SLICES = 5

/**
 * Calls `late` after `ms`; returns how to stop that. Counted in slices, each a turn of the event loop at least: an answer
 * that came while the loop was busy (with a thousand requests at once, say) is read before it can be called late.
 */
export function patience(ms: number, late: () => void): () => void {
  let left = SLICES
  let timer: NodeJS.Timeout
  const wait = () => {
    timer = setTimeout(() => (--left === 0 ? late() : wait()), ms / SLICES)
  }
  wait()
  return () => clearTimeout(timer)
}
