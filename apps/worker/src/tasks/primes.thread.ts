/** The thread's side of `primes`: counts, and says now and then how far it is. */
import type { MessagePort } from 'node:worker_threads'
import { primeSlices } from '@spillway/primes'

const TELL_EVERY_MS = 100

export default function count({ n, progress }: { n: number; progress: MessagePort }): number {
  const slices = primeSlices(n)
  let toldAt = performance.now()
  for (;;) {
    const { done, value } = slices.next()
    if (done) return value
    if (performance.now() - toldAt < TELL_EVERY_MS) continue
    toldAt = performance.now()
    progress.postMessage(value)
  }
}
