export { LARGEST, primeSlices } from './primes.ts'
