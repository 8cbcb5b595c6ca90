/** What is asked of a cache, one key after the other: made of a seed, so that every policy sees the same. */
import { seeded } from '@spillway/upstreams/simulation'
import { zipf } from '../measuring/zipf.ts'

export interface Trace {
  readonly name: string
  /** Keys in the order in which they are asked for. */
  readonly keys: readonly number[]
  /** An entry lives for so many requests. */
  readonly lifetime: number
}

const KEYS = 10_000
const REQUESTS = 200_000
const SCANNED = 1000
const SCAN_EVERY = 5000

/** The three, and the first once more with entries that expire, as ours do. */
export function traces(seed: number): readonly Trace[] {
  const popular = (exponent: number): number[] => {
    const [random, draw] = [seeded(seed), zipf(KEYS, exponent)]
    return Array.from({ length: REQUESTS }, () => draw(random))
  }
  const keys = popular(0.9)
  return [
    { name: 'Zipf(0.9)', keys, lifetime: Number.POSITIVE_INFINITY },
    { name: 'Zipf(0.9), entries expire', keys, lifetime: REQUESTS / 10 },
    { name: 'Zipf(0.9) with scans', keys: withScans(keys), lifetime: Number.POSITIVE_INFINITY },
    { name: 'loop', keys: Array.from({ length: REQUESTS }, (_, n) => n % KEYS), lifetime: Number.POSITIVE_INFINITY },
  ]
}

/** Somebody walks over keys that nobody else asks for, each time others. */
function withScans(keys: readonly number[]): number[] {
  let next = KEYS
  return keys.flatMap((key, n) => (n % SCAN_EVERY === 0 ? Array.from({ length: SCANNED }, () => next++) : [key]))
}
