/** What is revoked, as rows: told in order, to everybody, once its transaction stands, and gone when it names nothing. */
import type { RevocationPage } from '@spillway/auth'
import { connect, type TestDatabase } from '@spillway/postgres/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { putAccounts } from '../src/demo.ts'
import { readRevocations, revokeSubject, revokeToken, sweepRevocations } from '../src/revocations.ts'
import { bearerOf, migratedDatabase, startService, type TestService } from './world.ts'

let database: TestDatabase
let db: TestService

beforeAll(async () => {
  database = await migratedDatabase()
  db = await startService(database.url)
  await putAccounts(database.client, [{ username: 'ada', password: 'right', roles: ['reader'] }])
})
afterAll(async () => {
  await db.close()
  await database.drop()
})
beforeEach(async () => {
  await database.sql('DELETE FROM revocations')
  await database.sql('UPDATE revocation_count SET last = 0')
})

const now = () => Math.floor(Date.now() / 1000)
const read = (after = 0) => readRevocations(database.client, after)
const signIn = async () => {
  const answer = await db.request('POST', '/sign-in', { body: { username: 'ada', password: 'right' } })
  return ((await answer.json()) as unknown as { issuedAt: number }).issuedAt
}

describe('revocations', () => {
  it('of tokens and subjects come in the order they were made in, and nothing comes twice', async () => {
    const one = await revokeToken(database.client, { tokenId: 'one', expiresAt: now() + 60 })
    const all = await revokeSubject(database.client, 'ada')
    const first = await read()
    expect(first).toEqual({ revocations: [one, all], next: 2, more: false })
    expect(await read(first.next)).toEqual({ revocations: [], next: 2, more: false })
    const two = await revokeToken(database.client, { tokenId: 'two' })
    expect(await read(first.next)).toEqual({ revocations: [two], next: 3, more: false })
  })

  it('that are made again are told again, in one row', async () => {
    await revokeToken(database.client, { tokenId: 'one', expiresAt: 100 })
    await revokeSubject(database.client, 'ada')
    await revokeToken(database.client, { tokenId: 'one', expiresAt: 50 })
    await revokeSubject(database.client, 'ada')
    const { revocations } = await read(2)
    expect(revocations).toMatchObject([{ tokenId: 'one', endsAt: 110 }, { subject: 'ada' }])
    expect((await read()).revocations).toEqual(revocations)
  })

  it('come page by page', async () => {
    await database.sql(`INSERT INTO revocations (seq, token_id, ends_at)
      SELECT n, 't' || n, 1 FROM generate_series(1, 1000) AS n`)
    await database.sql('UPDATE revocation_count SET last = 1000')
    const first = await read()
    expect([first.revocations.length, first.next, first.more]).toEqual([500, 500, true])
    const second = await read(first.next)
    expect([second.revocations.length, second.next, second.more]).toEqual([500, 1000, false])
    expect(second.revocations.at(-1)).toEqual({ tokenId: 't1000', endsAt: 1 })
  })

  it('come all again to whoever has read further than there is: it was another database', async () => {
    const one = await revokeToken(database.client, { tokenId: 'one' })
    expect(await read(7)).toEqual({ revocations: [one], next: 1, more: false })
  })

  it('under way are waited for by the next, so that whoever reads misses none', async () => {
    const [other, watcher] = await Promise.all([connect(database.url), connect(database.url)])
    onTestFinished(async () => void (await Promise.all([other.end(), watcher.end()])))
    await database.sql('BEGIN')
    const first = await revokeToken(database.client, { tokenId: 'first' })
    const second = revokeToken(other, { tokenId: 'second' })
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    await expect.poll(async () => (await watcher.query(waiting)).rows).toHaveLength(1)
    expect(await readRevocations(watcher, 0)).toEqual({ revocations: [], next: 0, more: false })
    await database.sql('COMMIT')
    const both = [first, await second]
    expect(await read()).toEqual({ revocations: both, next: 2, more: false })
  })

  it('that were undone never were', async () => {
    await database.sql('BEGIN')
    await revokeSubject(database.client, 'ada')
    await database.sql('ROLLBACK')
    expect(await read()).toEqual({ revocations: [], next: 0, more: false })
  })

  it('stay until the last token that they name has ended by any clock, and then go', async () => {
    const kept = await revokeToken(database.client, { tokenId: 'kept', expiresAt: now() - 5 })
    await revokeToken(database.client, { tokenId: 'over', expiresAt: now() - 11 })
    const all = await revokeSubject(database.client, 'ada')
    await sweepRevocations(database.client)
    expect(await read()).toEqual({ revocations: [kept, all], next: 3, more: false })
    expect(all.endsAt - now()).toBeGreaterThan(3600 + 10)
    await database.sql('UPDATE revocations SET ends_at = $1', [now()])
    await sweepRevocations(database.client)
    expect(await read()).toEqual({ revocations: [], next: 3, more: false })
  })
})

describe('who signs in', () => {
  it('at the very moment after a revocation of all gets a token that it does not name; every one before is named', async () => {
    const issued: number[] = []
    for (let round = 0; round < 4; round++) {
      issued.push(await signIn())
      const { issuedUntil } = (await revokeSubject(database.client, 'ada')) as { issuedUntil: number }
      expect(issued.every((time) => time <= issuedUntil)).toBe(true)
      expect(await signIn()).toBeGreaterThan(issuedUntil)
    }
  })

  it('by a clock that is a few seconds ahead is named like all others', async () => {
    const ahead = now() + 4
    expect(await revokeSubject(database.client, 'ada')).toMatchObject({ issuedUntil: expect.any(Number) })
    const { issuedUntil } = (await read()).revocations[0] as { issuedUntil: number }
    expect(ahead).toBeLessThanOrEqual(issuedUntil)
  })

  it('long after it gets one that is issued now', async () => {
    await revokeSubject(database.client, 'ada')
    await database.sql('UPDATE revocations SET issued_until = issued_until - 60')
    expect(Math.abs((await signIn()) - now())).toBeLessThan(5)
  })
})

describe('over HTTP', () => {
  const revoke = async (body: unknown, authorization: string) => {
    const answer = await db.request('POST', '/revocations', { body, headers: { authorization } })
    return { status: answer.status, body: await answer.json() }
  }
  const list = async (after = 0) =>
    (await (await fetch(`${db.url}/revocations?after=${after}`)).json()) as RevocationPage
  const idOf = (authorization: string) =>
    JSON.parse(Buffer.from(authorization.split('.')[1] as string, 'base64url').toString()) as {
      jti: string
      exp: number
    }

  it('everybody revokes his own token, and all of his', async () => {
    const own = bearerOf('grace')
    const { jti, exp } = idOf(own)
    const one = await revoke({ tokenId: jti }, own)
    expect(one).toEqual({ status: 201, body: { tokenId: jti, endsAt: exp + 10 } })
    const all = await revoke({ subject: 'grace' }, bearerOf('grace'))
    expect(all).toMatchObject({ status: 201, body: { subject: 'grace' } })
    expect(await list()).toEqual({ revocations: [one.body, all.body], next: 2, more: false })
  })

  it('nobody else’s, but for administrators', async () => {
    const refused = { status: 403, body: { code: 'revocation_refused' } }
    expect(await revoke({ tokenId: 'another' }, bearerOf('hopper'))).toMatchObject(refused)
    expect(await revoke({ subject: 'ada' }, bearerOf('hopper'))).toMatchObject(refused)
    expect(await revoke({ subject: 'grace' }, '')).toMatchObject({ status: 401, body: { code: 'token_missing' } })
    expect(await list()).toMatchObject({ revocations: [] })
    const admin = bearerOf('root', ['admin'])
    expect(await revoke({ tokenId: 'another' }, admin)).toMatchObject({ status: 201 })
    expect(await revoke({ subject: 'grace' }, admin)).toMatchObject({ status: 201 })
  })

  it.each([[{}], [{ tokenId: 'a', subject: 'b' }], [{ tokenId: 'a b' }], [{ subject: '' }], [{ subject: 'a\0' }]])(
    'refuses %j',
    async (body) => {
      expect(await revoke(body, bearerOf('root', ['admin']))).toMatchObject({
        status: 400,
        body: { code: 'validation_failed' },
      })
    },
  )

  it('a revoked token writes nothing any more: here from now on, at other db services within 2 s', async () => {
    const other = await startService(database.url)
    onTestFinished(() => other.close())
    const authorization = bearerOf('lovelace', ['editor'])
    const write = async (to: TestService) =>
      (await to.request('PUT', '/data/a', { body: { value: 1 }, headers: { authorization } })).json()
    expect([await write(db), await write(other)]).toMatchObject([{ key: 'a' }, { key: 'a' }])
    await revoke({ tokenId: idOf(authorization).jti }, authorization)
    expect(await write(db)).toMatchObject({ status: 401, code: 'token_revoked' })
    await expect.poll(() => write(other), { timeout: 10_000 }).toMatchObject({ code: 'token_revoked' })
    const later = await startService(database.url)
    onTestFinished(() => later.close())
    expect(await write(later)).toMatchObject({ code: 'token_revoked' })
  })
})
