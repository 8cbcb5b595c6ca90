import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { Database } from '@spillway/postgres'
import type { TestDatabase } from '@spillway/postgres/testing'
import { createApp, createContext } from '@spillway/service'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { changeAccount } from '../src/accounts.ts'
import { putAccounts } from '../src/demo.ts'
import type { Argon2 } from '../src/password.ts'
import { signInRoutes } from '../src/routes/sign-in.ts'
import { migratedDatabase, startService, type TestService } from './world.ts'

let database: TestDatabase
let db: TestService

beforeAll(async () => {
  database = await migratedDatabase()
  db = await startService(database.url)
  await putAccounts(database.client, [{ username: 'editor', password: 'pässword 🔑', roles: ['reader', 'editor'] }])
})
afterAll(async () => {
  await db.close()
  await database.drop()
})
const signIn = (username: unknown, password: unknown) =>
  db.request('POST', '/sign-in', { body: { username, password }, headers: { authorization: '' } })

describe('signing in', () => {
  it('with the right password gives the roles, which nobody may keep', async () => {
    const answer = await signIn('editor', 'pässword 🔑')
    const account = { username: 'editor', roles: ['reader', 'editor'], issuedAt: expect.any(Number) }
    expect([answer.status, await answer.json()]).toEqual([200, account])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('answers the same to a wrong password and to a wrong name', async () => {
    const answers = await Promise.all([signIn('editor', 'wrong'), signIn('nobody', 'wrong'), signIn('Editor', 'wrong')])
    const problems = await Promise.all(
      answers.map(async (answer) => ({ ...(await answer.json()), requestId: 'one of them' })),
    )
    expect(problems[0]).toMatchObject({ code: 'credentials_wrong', status: 401 })
    expect(problems[1]).toEqual(problems[0])
    expect(problems[2]).toEqual(problems[0])
  })

  it.each([
    ['', 'x'],
    ['x', ''],
    ['x'.repeat(65), 'x'],
    ['x', 'x'.repeat(257)],
    ['a\0b', 'x'],
    [1, 'x'],
    ['x', undefined],
  ])('refuses %j and %j as no credentials at all', async (username, password) => {
    const answer = await signIn(username, password)
    expect([answer.status, (await answer.json()).code]).toEqual([400, 'validation_failed'])
  })

  it('by a crowd is bounded: the last are told to come again, all others are served', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => signIn('editor', 'wrong')))
    const codes = await Promise.all(answers.map(async (answer) => (await answer.json()).code))
    const busy = answers.filter(({ status }) => status === 503)
    expect(busy.length).toBeGreaterThan(0)
    expect(busy.every(({ headers }) => headers.get('retry-after') === '1')).toBe(true)
    expect(new Set(codes)).toEqual(new Set(['credentials_wrong', 'sign_in_busy']))
    expect(codes.filter((code) => code === 'credentials_wrong').length).toBeGreaterThanOrEqual(66)
  })

  it('by a crowd leaves room for everybody else: reads are answered before its end', { timeout: 60_000 }, async () => {
    let pending = 20
    const crowd = Array.from({ length: pending }, async () => {
      const { status } = await signIn('editor', 'wrong')
      pending--
      return status
    })
    for (let index = 0; index < 3; index++) expect((await db.request('GET', '/data/none')).status).toBe(404)
    expect(pending).toBeGreaterThan(0)
    expect(new Set(await Promise.all(crowd))).toEqual(new Set([401]))
  })

  it('costs the same work for a wrong password, a name that nobody has, and a disabled account', async () => {
    await putAccounts(database.client, [{ username: 'gone', password: 'the right one', roles: [] }])
    await changeAccount(database.client, 'gone', { kind: 'disable' })
    const work: unknown[] = []
    const platform: Argon2 = promisify(argon2)
    const counting: Argon2 = (algorithm, { message, nonce, ...cost }) => {
      work.push({ algorithm, message: message.length, salt: nonce.length, ...cost })
      return platform(algorithm, { message, nonce, ...cost })
    }
    const context = createContext('db', { LOG_LEVEL: 'silent' })
    const app = await createApp(context)
    const own = new Database({ url: database.url, probe: 'SELECT' }, context)
    onTestFinished(async () => {
      await app.close()
      await own.close()
    })
    await app.register(signInRoutes, { database: own, argon2: counting })
    const queries = async () =>
      Number(/query_duration_seconds_count\{query="account"\} (\d+)/.exec(await context.registry.metrics())?.[1] ?? 0)
    for (const username of ['editor', 'nobody', 'gone']) {
      const before = await queries()
      const { statusCode } = await app.inject({
        method: 'POST',
        url: '/sign-in',
        payload: { username, password: 'the right one' },
      })
      expect([statusCode, (await queries()) - before]).toEqual([401, 1])
    }
    expect(work).toHaveLength(3)
    expect(work[1]).toEqual(work[0])
    expect(work[2]).toEqual(work[0])
  })

  it('answers whatever name and password it is asked about, and never as a defect', { timeout: 60_000 }, async () => {
    // As JSON may spell them: null characters, halves of surrogate pairs, anything beyond the first plane.
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 70 }),
      fc.string({ maxLength: 300 }),
      fc.constant('\ud800'),
    )
    await fc.assert(
      fc.asyncProperty(text, text, async (username, password) => {
        expect((await signIn(username, password)).status).toBeOneOf([400, 401])
      }),
      { numRuns: 20 },
    )
  })
})
