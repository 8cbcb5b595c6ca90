import fc from 'fast-check'
import Fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { auth, generateKeys, parseKeys, type RevocationPage } from './index.ts'
import { REVOKED_WITHIN_MS, RevocationFeed } from './revocation-feed.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A list that is read when a test says so, with what was logged. */
function feed(pages: (after: number) => unknown) {
  const asked: number[] = []
  const said: string[] = []
  const log = (_: object, message: string) => void said.push(message)
  const made = new RevocationFeed({
    async read(after) {
      asked.push(after)
      return pages(after)
    },
    logger: { info: log, warn: log },
    random: () => 0,
  })
  onTestFinished(() => made.close())
  return { feed: made, asked, said }
}
const none = (next: number): RevocationPage => ({ revocations: [], next, more: false })
const away = (): never => {
  throw new Error('nobody is there')
}
const identity = (tokenId: string) => ({ subject: 'alice', roles: [], expiresAt: 1, tokenId })
const revoked = (tokenId: string) => ({ tokenId, endsAt: Math.floor(Date.now() / 1000) + 60 })

describe('a feed of revocations', () => {
  it('has read all pages when it has begun', async () => {
    const { feed: it, asked } = feed((after) => ({
      revocations: [revoked(`t${after}`)],
      next: after + 1,
      more: after < 2,
    }))
    expect(it.why).toBe('not read yet')
    await it.begin()
    expect(asked).toEqual([0, 1, 2])
    expect(['t0', 't1', 't2'].every((id) => it.revocations.has(identity(id)))).toBe(true)
    expect(it.why).toBeUndefined()
  })

  it('looks for nothing before it begins, whatever it is told', async () => {
    const { feed: it, asked } = feed(none)
    it.look()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([])
    await it.begin()
    expect(asked).toEqual([0])
  })

  it('looks again in less than 2 s, for what is new alone', async () => {
    const { feed: it, asked } = feed((after) => none(Math.max(after, 7)))
    await it.begin()
    await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    expect(asked).toEqual([0, 7, 7])
  })

  it('looks at once when told, and once more when told meanwhile, however often', async () => {
    const reads: PromiseWithResolvers<RevocationPage>[] = []
    const { feed: it, asked } = feed(() => {
      const read = Promise.withResolvers<RevocationPage>()
      reads.push(read)
      return read.promise
    })
    const begun = it.begin()
    for (let told = 0; told < 10; told++) it.look()
    expect(asked).toHaveLength(1)
    reads[0]?.resolve(none(1))
    await begun
    expect(asked).toHaveLength(2)
    reads[1]?.resolve(none(1))
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toHaveLength(2)
    it.look()
    expect(asked).toHaveLength(3)
  })

  it('keeps what it knows while the list is away, says so once, and goes on where it was', async () => {
    let isAway = false
    const {
      feed: it,
      asked,
      said,
    } = feed((after) => {
      if (isAway) away()
      return { revocations: [revoked(`t${after}`)], next: after + 1, more: false }
    })
    await it.begin()
    isAway = true
    for (let look = 0; look < 3; look++) await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    expect(it.revocations.has(identity('t0'))).toBe(true)
    expect(it.why).toBe('nobody is there')
    isAway = false
    await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    expect(asked).toEqual([0, 1, 1, 1, 1])
    expect(it.revocations.has(identity('t1'))).toBe(true)
    expect(it.why).toBeUndefined()
    expect(said).toEqual([
      'revocations are read',
      'revocations cannot be read; those that are known stay',
      'revocations are read',
    ])
  })

  it('begins, and says so, though the list is away', async () => {
    const { feed: it, said } = feed(away)
    await it.begin()
    expect(said).toEqual(['revocations cannot be read; those that are known stay'])
  })

  it.each([
    [{}],
    [null],
    [{ revocations: [{ tokenId: 'a' }], next: 1, more: false }],
    [{ revocations: [], next: 0, more: true }],
  ])('takes %j for no list', async (page) => {
    const { feed: it } = feed(() => page)
    await it.begin()
    expect(it.why).toBe('what was read is no such list')
  })

  it('heeds what others say, and no nonsense', async () => {
    const { feed: it } = feed(none)
    await it.begin()
    for (const text of ['', '{', '{}', '{"tokenId":"t1"}', '{"tokenId":1,"endsAt":1}']) it.heed(text)
    it.heed(JSON.stringify(revoked('t0')))
    expect([it.revocations.has(identity('t0')), it.revocations.has(identity('t1'))]).toEqual([true, false])
  })

  it('takes no harm from whatever it is told', () => {
    const { feed: it } = feed(none)
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        it.heed(text)
        expect(it.revocations.has(identity('t0'))).toBe(false)
      }),
    )
  })

  it('looks no more once it is closed', async () => {
    const { feed: it, asked } = feed(none)
    await it.begin()
    it.close()
    it.look()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toHaveLength(1)
  })
})

describe('a server with revocations', () => {
  it('refuses what is revoked, also where it has taken it before, and nothing else', async () => {
    let page: RevocationPage = none(0)
    const { feed: revocations } = feed(() => page)
    const app = Fastify()
    await app.register(auth, { keys: parseKeys(generateKeys().signing, 'keys'), revocations })
    app.get('/me', { config: { auth: 'signed-in' } }, (request) => request.identity)
    onTestFinished(() => app.close())
    await app.ready()
    const [one, other, bobs] = ['alice', 'alice', 'bob'].map((sub) => app.signToken({ sub, roles: [] })) as string[]
    const ask = async (token = '') => {
      const { statusCode, headers, body } = await app.inject({
        url: '/me',
        headers: { authorization: `Bearer ${token}` },
      })
      return { status: statusCode, ...JSON.parse(body), challenge: headers['www-authenticate'] }
    }
    const { tokenId } = await ask(one)
    page = { revocations: [revoked(tokenId)], next: 1, more: false }
    await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    expect(await ask(one)).toMatchObject({
      status: 401,
      code: 'token_revoked',
      challenge: expect.stringContaining('error="invalid_token"'),
    })
    expect(await ask(other)).toMatchObject({ status: 200 })
    const issuedUntil = Math.floor(Date.now() / 1000)
    page = { revocations: [{ subject: 'alice', issuedUntil, endsAt: issuedUntil + 3610 }], next: 2, more: false }
    await vi.advanceTimersByTimeAsync(REVOKED_WITHIN_MS)
    expect(await ask(other)).toMatchObject({ status: 401, code: 'token_revoked' })
    expect(await ask(bobs)).toMatchObject({ status: 200 })
    const later = app.signToken({ sub: 'alice', roles: [], iat: issuedUntil + 1 })
    expect(await ask(later)).toMatchObject({ status: 200 })
  })
})
