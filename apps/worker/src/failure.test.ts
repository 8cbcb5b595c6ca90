import { expect, it } from 'vitest'
import { failureOf } from './failure.ts'

it.each([
  [{ error: { message: 'ours' } }, 'ours'],
  [{ value: { message: 'job heartbeat timeout' } }, 'each worker that ran it died or could not be reached'],
  [{ value: { message: 'job timed out' } }, 'it ran for more than 900 s'],
  [{ message: 'handler execution exceeded 900s', stack: 'at ...' }, 'it ran for more than 900 s'],
  [{ message: 'connect ECONNREFUSED 10.0.0.1:5432', stack: 'at ...' }, 'it failed unexpectedly'],
  [{ value: 'text' }, 'it failed unexpectedly'],
  [null, 'it failed unexpectedly'],
])('of %j the owner is told only what is meant for people', (output, message) => {
  expect(failureOf(output)).toEqual({ message })
})
