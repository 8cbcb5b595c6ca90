/**
 * One stack for the suites that leave a stack as they found it: they kill nothing, stop nothing, and need no settings but
 * these. Each has keys and jobs of its own, so they may come in any order.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { Stack } from './stack.ts'
import { computing } from './suites/computing.ts'
import { framing } from './suites/framing.ts'
import { jobs } from './suites/jobs.ts'
import { readingAndWriting } from './suites/reading-and-writing.ts'
import { signingIn } from './suites/signing-in.ts'

let stack: Stack
beforeAll(async () => {
  stack = await Stack.up({ MICROSERVICES: '2', PROCESSES: '2', WORKERS: '2' })
})
afterAll(() => stack?.down())

describe('reading and writing', () => readingAndWriting(() => stack))
describe('signing in', () => signingIn(() => stack))
describe('computing', () => computing(() => stack))
describe('jobs', () => jobs(() => stack))
describe('as many requests are read as were written', () => framing(() => stack))
