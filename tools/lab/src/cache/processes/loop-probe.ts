/** Brought into a service by `--import`: how late its event loop is, told to whoever started it. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { answerEach } from '../../measuring/channel.ts'

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

answerEach({
  begin: () => seen.reset(),
  delay: (): LoopDelay => ({ p50: late(seen.percentile(50)), p99: late(seen.percentile(99)), max: late(seen.max) }),
})
