/** What is asked in the part "forwarding", and what the upstreams answer: always the same. */

import type { Asked } from '../measuring/client.ts'

export interface Fixed {
  readonly path: string
  readonly body: string
  /** Too long for a line of nginx's configuration. */
  readonly inFile: boolean
}

const fixed = (path: string, bytes: number): Fixed => ({ path, body: 'x'.repeat(bytes), inFile: bytes > 1024 })

const SMALL = fixed('/small', 128)
const MIDDLE = fixed('/16kB', 16_000)
const LARGE = fixed('/1MB', 1_000_000)
const TAKEN = fixed('/taken', 128)
export const ANSWERS: readonly Fixed[] = [SMALL, MIDDLE, LARGE, TAKEN]

export const CASES: readonly Asked[] = [
  { name: 'GET 128 B, 64 conn.', method: 'GET', connections: 64, sends: 0, answer: SMALL },
  { name: 'GET 128 B, 512 conn.', method: 'GET', connections: 512, sends: 0, answer: SMALL },
  { name: 'GET 16 kB, 64 conn.', method: 'GET', connections: 64, sends: 0, answer: MIDDLE },
  { name: 'GET 1 MB, 64 conn.', method: 'GET', connections: 64, sends: 0, answer: LARGE },
  { name: 'POST 1 kB, 64 conn.', method: 'POST', connections: 64, sends: 1000, answer: TAKEN },
]
