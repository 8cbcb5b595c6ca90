import { describe, expect, it } from 'vitest'
import { addressOf } from './address.ts'

describe('the address of Valkey', () => {
  it.each([
    ['redis://valkey', { host: 'valkey', port: 6379, db: 0 }],
    ['redis://127.0.0.1:7000/', { host: '127.0.0.1', port: 7000, db: 0 }],
    ['redis://[::1]:7000/12', { host: '::1', port: 7000, db: 12 }],
    ['redis://:p%40ss@valkey/3', { host: 'valkey', port: 6379, db: 3, password: 'p@ss' }],
    [
      'rediss://me:secret@valkey:6380',
      { host: 'valkey', port: 6380, db: 0, username: 'me', password: 'secret', tls: {} },
    ],
  ])('is read from %s', (url, address) => {
    expect(addressOf(url)).toEqual(address)
  })

  it.each([
    'http://valkey',
    'redis://',
    'redis://me:secret@valkey/name',
    'redis://me:secret@valkey/1?x=1',
    'redis://me:secret@valkey:99999',
    'redis://me:secret@a,redis://b',
  ])('is not read from %s, whose password is repeated nowhere', (url) => {
    expect(() => addressOf(url)).toThrow(/redis:\/\/127\.0\.0\.1:6379/)
    expect(() => addressOf(url)).not.toThrow(/me:secret/)
  })
})
