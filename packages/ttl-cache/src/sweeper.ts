/** Sweeps a store in the background, in slices that let requests through between them. */
import type { Store } from './store.ts'

/** Rest after all that had expired is gone. */
const EVERY_MS = 1000
/** Rest between two slices of 1 ms: requests have four fifths of the loop meanwhile. */
const BETWEEN_SLICES_MS = 4

/** Begins sweeping; the returned function stops it, and must be called by whoever owns the store. */
export function startSweeper(store: Pick<Store<object>, 'sweep'>): () => void {
  let timer: NodeJS.Timeout
  const slice = () => {
    timer = setTimeout(slice, store.sweep() ? BETWEEN_SLICES_MS : EVERY_MS)
  }
  timer = setTimeout(slice, EVERY_MS)
  return () => clearTimeout(timer)
}
