import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Revocation, Revocations } from './revocations.ts'
import type { Identity } from './tokens.ts'

const NOW = 1_800_000_000
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 }))
afterEach(() => void vi.useRealTimers())

const identity = (changed: Partial<Identity> = {}): Identity => ({
  subject: 'alice',
  roles: [],
  expiresAt: NOW + 3600,
  tokenId: 'one',
  issuedAt: NOW,
  ...changed,
})
const nameless = ({ tokenId: _, ...rest } = identity()): Identity => rest
const ofToken = (tokenId: string, endsAt = NOW + 3610): Revocation => ({ tokenId, endsAt })
const ofSubject = (issuedUntil: number, subject = 'alice', endsAt = NOW + 3610): Revocation => ({
  subject,
  issuedUntil,
  endsAt,
})
const holding = (...all: Revocation[]) => {
  const revocations = new Revocations()
  for (const each of all) revocations.add(each)
  return revocations
}

describe('revocations', () => {
  it('name a token alone, and never one without a name', () => {
    const revocations = holding(ofToken('one'))
    expect(revocations.has(identity())).toBe(true)
    expect(revocations.has(identity({ tokenId: 'two' }))).toBe(false)
    expect(revocations.has(nameless())).toBe(false)
  })

  it('name all of a subject’s tokens until a second, that second included, and nobody else’s', () => {
    const revocations = holding(ofSubject(NOW))
    expect(revocations.has(identity())).toBe(true)
    expect(revocations.has(identity({ issuedAt: NOW - 1000 }))).toBe(true)
    expect(revocations.has(identity({ issuedAt: NOW + 1 }))).toBe(false)
    expect(revocations.has(identity({ subject: 'bob' }))).toBe(false)
  })

  it('name a subject’s token that does not say when it was issued', () => {
    const { issuedAt: _, ...undated } = identity()
    expect(holding(ofSubject(NOW - 3000)).has(undated)).toBe(true)
    expect(holding(ofSubject(NOW, 'bob')).has(undated)).toBe(false)
  })

  it('name the same in whatever order they come, and however often', () => {
    const some = fc.oneof(
      fc.record({ tokenId: fc.constantFrom('one', 'two'), endsAt: fc.constant(NOW + 10) }),
      fc.record({
        subject: fc.constantFrom('alice', 'bob'),
        issuedUntil: fc.integer({ min: NOW - 5, max: NOW + 5 }),
        endsAt: fc.constant(NOW + 10),
      }),
    )
    const shuffled = fc
      .array(some, { maxLength: 10 })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })))
    const asked = fc.record({
      subject: fc.constantFrom('alice', 'bob'),
      tokenId: fc.constantFrom('one', 'two', 'three'),
      issuedAt: fc.integer({ min: NOW - 6, max: NOW + 6 }),
    })
    fc.assert(
      fc.property(shuffled, asked, ([all, others], who) => {
        expect(holding(...all).has(identity(who))).toBe(holding(...others).has(identity(who)))
      }),
    )
  })

  it('are forgotten once what they name has ended, and not before', () => {
    const revocations = holding(ofToken('one', NOW + 10), ofSubject(NOW, 'bob', NOW + 20))
    vi.setSystemTime((NOW + 9) * 1000)
    revocations.sweep()
    expect(revocations.has(identity())).toBe(true)
    vi.setSystemTime((NOW + 10) * 1000)
    revocations.sweep()
    expect(revocations.has(identity())).toBe(false)
    expect(revocations.has(identity({ subject: 'bob' }))).toBe(true)
    vi.setSystemTime((NOW + 20) * 1000)
    revocations.sweep()
    expect(revocations.has(identity({ subject: 'bob' }))).toBe(false)
  })
})
