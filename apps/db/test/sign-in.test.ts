import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { putAccounts } from '../src/demo.ts'
import { createDatabase, startService, type TestDatabase, type TestService } from './world.ts'

let database: TestDatabase
let db: TestService

beforeAll(async () => {
  database = await createDatabase()
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
})
