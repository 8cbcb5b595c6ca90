/** What an endpoint says of its own load, in `x-load`. */
import type { Said } from './policies/policy.ts'

/** As our services write it: `inflight=3, latency=1.25`, the latency in milliseconds. What else it may be is no news. */
const LOAD = /^inflight=(\d{1,9}), latency=(\d{1,9}(?:\.\d{1,9})?)$/

/** @param value of the header; several of one name are nobody's word */
export function readLoad(value: string | readonly string[] | undefined, now: number): Said | undefined {
  const [, inFlight, latencyMs] = typeof value === 'string' ? (LOAD.exec(value) ?? []) : []
  if (inFlight === undefined) return undefined
  return { inFlight: Number(inFlight), latencyMs: Number(latencyMs), at: now }
}
