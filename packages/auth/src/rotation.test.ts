import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { auth, generateKeys, parseKeys, publicKeys, rotate, TOKEN_LIFETIME_S } from './index.ts'
import { KeyFile } from './key-file.ts'

const kidsOf = (text: string) => [...parseKeys(text, 'keys').verifying.keys()]
const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()).kid

describe('a rotation', () => {
  const old = generateKeys()
  const oldKid = kidsOf(old.verifying)[0] as string

  it('makes the new key known before it signs', () => {
    const { kid, introduced, switched } = rotate(old.signing, 'keys')
    expect(kidsOf(introduced.verifying).sort()).toEqual([oldKid, kid].sort())
    expect(parseKeys(introduced.signing, 'keys').signing?.kid).toBe(oldKid)
    const after = switched()
    expect(parseKeys(after.signing, 'keys').signing?.kid).toBe(kid)
    expect(kidsOf(after.verifying).sort()).toEqual([oldKid, kid].sort())
  })

  it('keeps private halves out of the text that verifies, and the old one out of both', () => {
    const { introduced, switched } = rotate(old.signing, 'keys')
    const [{ d }] = JSON.parse(old.signing).keys
    for (const text of [introduced.verifying, switched().verifying, switched().signing]) expect(text).not.toContain(d)
    expect(introduced.verifying).not.toContain('"d"')
    expect(switched().verifying).not.toContain('"d"')
  })

  it('forgets the old key when its last token has ended, and not before', () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const { kid, switched } = rotate(old.signing, 'keys')
      const after = switched()
      vi.advanceTimersByTime((TOKEN_LIFETIME_S + 5) * 1000)
      expect(kidsOf(after.verifying)).toContain(oldKid)
      vi.advanceTimersByTime(10_000)
      expect(kidsOf(after.verifying)).toEqual([kid])
      expect(rotate(after.signing, 'keys').introduced.verifying).not.toContain(oldKid)
    } finally {
      vi.useRealTimers()
    }
  })

  it('after one that got only half way leaves one key that signs', () => {
    const stopped = rotate(old.signing, 'keys').introduced
    const { kid, switched } = rotate(stopped.signing, 'keys')
    expect(parseKeys(switched().signing, 'keys').signing?.kid).toBe(kid)
    expect(JSON.parse(switched().signing).keys.filter((key: { d?: string }) => key.d)).toHaveLength(1)
  })
})

describe('a server whose keys are in a file', () => {
  let folder: string
  let file: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'spillway-keys-'))
    file = path.join(folder, 'keys.json')
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Listens to nothing; what is logged stands in `said`. */
  async function server(signing: string) {
    await writeFile(file, signing)
    const said: string[] = []
    const log = (_: object, message: string) => void said.push(message)
    const keys = await KeyFile.open(file, { logger: { info: log, error: log }, signs: true })
    const app = Fastify()
    await app.register(auth, { keys })
    await app.ready()
    return { app, keys, said }
  }

  it('takes the tokens of both keys through a rotation, and signs with the new one at its end', async () => {
    const first = generateKeys()
    const { app, keys, said } = await server(first.signing)
    const before = app.signToken({ sub: 'alice', roles: [] })
    const { kid, introduced, switched } = rotate(first.signing, 'keys')
    await writeFile(file, introduced.signing)
    await expect.poll(() => said.length, { timeout: 10_000 }).toBe(1)
    const between = app.signToken({ sub: 'bob', roles: [] })
    expect(kidOf(between)).toBe(kidOf(before))
    await writeFile(file, switched().signing)
    await expect.poll(() => said.length, { timeout: 10_000 }).toBe(2)
    const after = app.signToken({ sub: 'carol', roles: [] })
    expect(kidOf(after)).toBe(kid)
    expect([before, between, after].map((token) => app.verifyToken(token).subject)).toEqual(['alice', 'bob', 'carol'])
    expect(publicKeys(keys.current).keys.map((key) => key.kid)).toEqual([kid, kidOf(before)])
    expect(JSON.stringify(publicKeys(keys.current))).not.toContain('"d"')
    await app.close()
  }, 30_000)

  it('refuses the tokens of a key that was taken out, though it had verified them', async () => {
    const { app, said } = await server(generateKeys().signing)
    const token = app.signToken({ sub: 'alice', roles: [] })
    expect(app.verifyToken(token).subject).toBe('alice')
    await writeFile(file, generateKeys().signing)
    await expect.poll(() => said.length, { timeout: 10_000 }).toBe(1)
    expect(() => app.verifyToken(token)).toThrow(expect.objectContaining({ code: 'token_invalid' }))
    await app.close()
  }, 30_000)

  it('goes on with the keys it has where the new ones cannot be used, and says so', async () => {
    const { app, said } = await server(generateKeys().signing)
    const token = app.signToken({ sub: 'alice', roles: [] })
    for (const bad of ['{"keys":', generateKeys().verifying]) {
      said.length = 0
      await writeFile(file, bad)
      await expect.poll(() => said, { timeout: 10_000 }).toEqual(['the new keys cannot be used; the old ones stay'])
      expect(app.verifyToken(token).subject).toBe('alice')
      expect(app.verifyToken(app.signToken({ sub: 'bob', roles: [] })).subject).toBe('bob')
    }
    await app.close()
  }, 30_000)
})
