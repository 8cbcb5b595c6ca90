/** Counts primes with a segmented sieve of Eratosthenes, a slice at a time, for whoever must let other things happen between. */

/** Up to here a slice stays well under a millisecond, and a position in the sieve fits an unsigned 32-bit number. */
export const LARGEST = 1_000_000_000

/** Odd numbers in a slice: one byte each, so that a slice stays in the first-level cache of a core. */
const SLICE = 32_768

/**
 * How many primes there are up to `n`, from 0 to 10^9: each step of the generator is about 0.1 ms of one core and yields
 * how far the work is (between 0 and 1), the last one returns the count. Needs about 60 kB, however large `n` is.
 *
 * @throws {RangeError} where `n` is no whole number in that range
 */
export function primeSlices(n: number): Generator<number, number, void> {
  if (!Number.isInteger(n) || n < 0 || n > LARGEST) {
    throw new RangeError(`n is ${n}; it must be a whole number from 0 to ${LARGEST}`)
  }
  return sieve(n)
}

/** Position `i` stands for the odd number 2i + 1, and position 0, since 1 is no prime, for 2. */
function* sieve(n: number): Generator<number, number, void> {
  if (n < 2) return 0
  const positions = Math.ceil(n / 2)
  const primes = oddPrimes(Math.floor(Math.sqrt(n)))
  /** Of each prime: the next multiple to strike out, the first being its square. */
  const next = primes.map((prime) => (prime * prime) >>> 1)
  const struck = new Uint8Array(Math.min(SLICE, positions))
  let count = 0
  for (let start = 0; ; start += SLICE) {
    const end = Math.min(start + SLICE, positions)
    struck.fill(0)
    for (let index = 0; index < primes.length; index++) {
      const prime = primes[index] as number
      let position = next[index] as number
      for (; position < end; position += prime) struck[position - start] = 1
      next[index] = position
    }
    for (let offset = 0; offset < end - start; offset++) count += 1 - (struck[offset] as number)
    if (end === positions) return count
    yield end / positions
  }
}

/** Those up to `limit`, which is small: the root of what is asked for. */
function oddPrimes(limit: number): Uint32Array {
  const composite = new Uint8Array(limit + 1)
  const found: number[] = []
  for (let number = 3; number <= limit; number += 2) {
    if (composite[number] === 1) continue
    found.push(number)
    for (let multiple = number * number; multiple <= limit; multiple += 2 * number) composite[multiple] = 1
  }
  return Uint32Array.from(found)
}
