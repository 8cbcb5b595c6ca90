/** What the scenarios promise whoever runs them with k6 alone. Registered only where there is a k6. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { K6 } from '../src/generators/k6-binary.ts'
import { type FrontDoor, openFrontDoor, TOKEN } from './front-door.ts'

const FOLDER = path.resolve(import.meta.dirname, '../../../k6/scenarios')
const QUICK = { SHAPE: 'closed', USERS: '2', DURATION: '1s', PASSWORD: 'a-password' }

/** How it ended, and all that it said. */
function run({ file }: K6, scenario: string, settings: Record<string, string>) {
  const each = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  const args = ['run', '--quiet', '--no-usage-report', ...each, path.join(FOLDER, `${scenario}.ts`)]
  return new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile(file, args, { env: {}, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, said: stdout + stderr }),
    )
  })
}

export function scenarioTests(k6: K6): void {
  const against = (door: FrontDoor, scenario: string, settings: Record<string, string> = {}) =>
    run(k6, scenario, { BASE_URL: door.url, ...QUICK, ...settings })

  describe('k6 run', () => {
    it('hit: signs in once, then asks for the sample items, and says in words how it was', async () => {
      await using door = await openFrontDoor()
      const { code, said } = await against(door, 'hit')
      expect(said).toMatch(/requests {6}\d+ in 1\.\d s: \d+ a second\nanswers {7}200 \d+ \(100\.0 %\)/)
      expect(code).toBe(0)
      expect(door.signedIn).toEqual(['reader'])
      expect(door.told.strangers).toBe(0)
      expect(new Set(door.asked).size).toBe(100)
      expect(door.asked).toContain('/data/alpha')
      expect(door.asked).toContain('/data/beta-3')
    })

    it('miss: fails, saying why, once it has asked for every sample item', async () => {
      await using door = await openFrontDoor()
      const { code, said } = await against(door, 'miss', { KEY_COUNT: '30', KEY_FIRST: '20' })
      expect(code).toBe(99)
      expect(said).toMatch(/! not sent, as every key was asked for +\d/)
      expect(door.asked.length).toBe(30)
      expect(door.asked).toContain('/data/phi')
    })

    it('data-only: asks for items alone', async () => {
      await using door = await openFrontDoor()
      expect(await against(door, 'data-only', { TOKEN })).toMatchObject({ code: 0 })
      expect(door.signedIn).toEqual([])
      expect(new Set(door.asked)).toEqual(new Set(door.asked.filter((asked) => asked.startsWith('/data/'))))
      expect(new Set(door.asked).size).toBe(10)
    })

    it('login-mix: signs in each account before, then now and again, and counts those refused apart', async () => {
      await using door = await openFrontDoor({ limitEvery: 7 })
      const folder = await mkdtemp(path.join(os.tmpdir(), 'spillway-scenario-'))
      try {
        const file = path.join(folder, 'summary.json')
        const { code, said } = await against(door, 'login-mix', { ACCOUNTS: '3', USERS: '3', SUMMARY_FILE: file })
        expect(code).toBe(0)
        expect(new Set(door.signedIn)).toEqual(new Set(['load-1', 'load-2', 'load-3']))
        expect(door.told.strangers).toBe(0)
        const summary = JSON.parse(await readFile(file, 'utf8'))
        expect(summary.refusedSignIns).toBe(door.told.limited)
        expect(summary.statuses).toEqual({ 200: summary.requests - door.told.limited, 429: door.told.limited })
        expect(summary.requests).toBe(door.asked.length + door.signedIn.length - 3)
        expect(said).toContain('! sign-ins refused by the limit')
      } finally {
        await rm(folder, { recursive: true })
      }
    })

    it('waits for the limit of sign-ins before the clock starts', async () => {
      await using door = await openFrontDoor({ limitEvery: 2 })
      const { code, said } = await against(door, 'login-mix', { ACCOUNTS: '2' })
      expect(said).toContain('takes no more sign-ins for now; load-2 waits 1 s')
      expect(code).toBe(0)
    })

    it.each([
      [{ failEvery: 50 }, 'failures'],
      [{ wrongKey: 'gamma' }, 'wrong bodies'],
    ])('fails the run where answers are not right: %o', async (lies, what) => {
      await using door = await openFrontDoor(lies)
      const { code, said } = await against(door, 'hit')
      expect(said).toContain(`! ${what}`)
      expect(code).toBe(99)
    })

    it('says who could not sign in, and why', async () => {
      const { code, said } = await run(k6, 'hit', { ...QUICK, BASE_URL: 'http://127.0.0.1:9', USERNAME: 'jane' })
      expect(code).not.toBe(0)
      expect(said).toMatch(/jane could not sign in at http:\/\/127\.0\.0\.1:9\/login: dial: connection refused/)
    })

    it('names every setting that is wrong, and how it must be', async () => {
      const settings = {
        SHAPE: 'open',
        BASE_URL: 'localhost',
        USERS: '2.5',
        JOIN_PER_SECOND: '0',
        THINK: '2-1',
        DURATION: '0s',
        KEY_PREFIX: 'a b',
        KEY_FIRST: '-1',
        KEY_COUNT: '0',
        N: '7',
      }
      const { code, said } = await run(k6, 'hit', settings)
      expect(code).not.toBe(0)
      const mistakes = [...said.matchAll(/\b([A-Z_]+) is (?:\\"|not set)/g)].map(([, name]) => name)
      expect(mistakes).toEqual([...Object.keys(settings).filter((name) => name !== 'N'), 'PRIMES', 'PASSWORD'])
    })
  })
}
