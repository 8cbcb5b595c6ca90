import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateKeys, KeyError, parseKeys } from './index.ts'
import { readKeys } from './keys.ts'

const { signing, verifying } = generateKeys()
const key = JSON.parse(signing).keys[0]
const set = (...changes: object[]) => JSON.stringify({ keys: changes.map((change) => ({ ...key, ...change })) })

describe('generateKeys', () => {
  it('gives two files: one that signs, one without anything secret', () => {
    expect(parseKeys(signing, 'a').signing?.kid).toBe(key.kid)
    expect(parseKeys(verifying, 'b').signing).toBeUndefined()
    expect(verifying).not.toContain(key.d)
    expect([...parseKeys(verifying, 'b').verifying.keys()]).toEqual([key.kid])
  })

  it('names each key after itself', () => {
    expect(JSON.parse(generateKeys().signing).keys[0].kid).not.toBe(key.kid)
    expect(key.kid).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })
})

describe('a key file that cannot be used', () => {
  it.each([
    ['is not JSON', 'oops', 'keys.json is not JSON'],
    ['is not a set', '[]', 'keys.json is not a set of Ed25519 keys'],
    ['is an empty set', '{"keys":[]}', '/keys must not have fewer than 1 items'],
    ['has a key of another kind', set({ kty: 'RSA' }), '/keys/0/kty'],
    ['has a key on another curve', set({}, { kid: 'b', crv: 'Ed448' }), '/keys/1/crv'],
    ['has a key without a name', set({ kid: undefined }), '/keys/0'],
    ['has a key of the wrong length', set({ x: 'AAAA' }), '/keys/0/x'],
    ['has two keys of one name', set({}, {}), `two keys called ${key.kid}`],
    ['has halves of different keys', set({ d: JSON.parse(generateKeys().signing).keys[0].d }), 'x and d of the key'],
  ])('because it %s, is refused by name', (_, text, message) => {
    expect(() => parseKeys(text, 'keys.json')).toThrow(KeyError)
    expect(() => parseKeys(text, 'keys.json')).toThrow(message)
  })

  it('never shows the key in the error', () => {
    for (const broken of [signing.slice(0, -5), set({ kty: 'RSA' }), set({}, {})]) {
      const error = (() => {
        try {
          return parseKeys(broken, 'keys.json')
        } catch (thrown) {
          return thrown as Error
        }
      })() as Error
      expect(`${error.stack}${error.cause}`).not.toContain(key.d)
    }
  })

  it('is read from disk, or named when it is not there', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'spillway-keys-'))
    try {
      const file = path.join(folder, 'signing.json')
      await expect(readKeys(file)).rejects.toThrow(`cannot read the keys in ${file}: ENOENT`)
      await writeFile(file, signing, { mode: 0o600 })
      expect((await readKeys(file)).signing?.kid).toBe(key.kid)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
