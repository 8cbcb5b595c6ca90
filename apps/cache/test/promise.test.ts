/**
 * The promise of docs/cache.md over courses of events in virtual time. `PROMISE_RUNS` sets how many, and has every
 * mistake tried; else some are, since each takes a process of its own.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { promise } from './simulation/course.ts'
import { giveHostsTheirTimers } from './simulation/host.ts'
import { mistakes } from './simulation/mistakes.ts'

const { PROMISE_RUNS } = process.env
const RUNS = Number(PROMISE_RUNS ?? 200)
const SOME = 5
const MUTANT = path.join(import.meta.dirname, 'simulation/mutant.ts')

beforeAll(giveHostsTheirTimers)

it('no read that begins after an acknowledged write returns an older value; one lease stands for a key', async () => {
  await fc.assert(promise, { numRuns: RUNS })
}, 3_600_000)

describe('the trial notices code that', () => {
  const all = mistakes.map((mistake, index) => ({ ...mistake, index }))
  const tried = PROMISE_RUNS ? all : fc.sample(fc.shuffledSubarray(all, { minLength: SOME, maxLength: SOME }), 1).flat()
  it.each(mistakes)('$it: it is in the code once', ({ file, code }) => {
    expect(readFileSync(path.join(import.meta.dirname, '../../..', file), 'utf8').split(code)).toHaveLength(2)
  })

  it.each(tried)('$it', { timeout: 300_000 }, async ({ index }) => {
    const { stdout } = await promisify(execFile)(process.execPath, [MUTANT, String(index)])
    expect(JSON.parse(stdout)).toMatchObject({ made: true, noticed: true })
  })
})
