/** Brought into a service by `--import`: how late its event loop is, told to whoever started it. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Milliseconds. */
export interface LoopDelay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const EVERY_MS = 1
const seen = monitorEventLoopDelay({ resolution: EVERY_MS })
seen.enable()

/** What is recorded is the time from tick to tick, so without delay it is the time between them. */
const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - EVERY_MS)

process.on('message', (told) => {
  if (told === 'begin') seen.reset()
  if (told !== 'tell') return
  const delay: LoopDelay = { p50: late(seen.percentile(50)), p99: late(seen.percentile(99)), max: late(seen.max) }
  process.send?.({ delay })
})
// Whoever listens to its parent would outlive it.
process.once('disconnect', () => process.exit())
