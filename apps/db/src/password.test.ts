import { argon2 } from 'node:crypto'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Argon2, checkPassword, hashPassword } from './password.ts'

/** From the reference implementation's own tests (phc-winner-argon2: src/test.c). */
const REFERENCE = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'

describe('a password', () => {
  it('is right or wrong by what others hashed', async () => {
    expect(await checkPassword(REFERENCE, 'password')).toBe(true)
    expect(await checkPassword(REFERENCE, 'Password')).toBe(false)
  })

  it('is hashed with a new salt each time, under its parameters', async () => {
    const [one, two] = await Promise.all([hashPassword('geheim ♥'), hashPassword('geheim ♥')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
    expect(await checkPassword(one, 'geheim ♥')).toBe(true)
    expect(await checkPassword(two, 'geheim')).toBe(false)
  })

  it('of nobody costs the same work as one of somebody', async () => {
    const work: object[] = []
    const platform: Argon2 = promisify(argon2)
    const counting: Argon2 = (algorithm, { message, nonce, ...cost }) => {
      work.push({ algorithm, salt: nonce.length, ...cost })
      return platform(algorithm, { message, nonce, ...cost })
    }
    expect(await checkPassword(await hashPassword('a'), 'wrong', counting)).toBe(false)
    expect(await checkPassword(undefined, 'wrong', counting)).toBe(false)
    expect(work).toHaveLength(2)
    expect(work[1]).toEqual(work[0])
  })

  it.each(['', 'secret', '$2b$10$abc', REFERENCE.replace('argon2id', 'argon2i'), REFERENCE.replace('v=19', 'v=16')])(
    'stored as %j is an error, never a match',
    async (stored) => {
      await expect(checkPassword(stored, 'password')).rejects.toThrow('not an argon2id PHC string')
    },
  )
})
