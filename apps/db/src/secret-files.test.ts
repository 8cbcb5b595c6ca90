import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeSecrets, rotateKey } from './secret-files.ts'

const DATABASE_URL = 'postgres://spillway@postgres:5432/spillway'
let directory = ''
const owners = new Map<string, number>()
const chown = (file: string, user: number) => void owners.set(path.basename(file, '.new'), user)
const make = (options: { DEMO_PASSWORD?: string } = {}) => makeSecrets(directory, { DATABASE_URL, ...options }, chown)
const read = (name: string) => readFileSync(path.join(directory, name), 'utf8')
const all = () => Object.fromEntries(readdirSync(directory).map((name) => [name, read(name)]))

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'spillway-secrets-'))
  owners.clear()
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('the secrets of a stack in containers', () => {
  it('gives each reader a file of its own that nobody else can read', () => {
    make()
    for (const name of readdirSync(directory)) expect(statSync(path.join(directory, name)).mode & 0o777).toBe(0o600)
    expect(Object.fromEntries(owners)).toEqual({
      'source.json': 0,
      'postgres-password': 999,
      'gateway-signing-keys.json': 10_001,
      'db-verify-keys.json': 10_002,
      'db-database-url': 10_002,
      'worker-verify-keys.json': 10_003,
      'worker-database-url': 10_003,
      'init-accounts.json': 10_004,
      'init-database-url': 10_004,
      'k6-password': 12_345,
    })
  })

  it('gives those who only verify no half that signs', () => {
    make()
    const keys = (name: string) => JSON.parse(read(name)).keys as Record<string, unknown>[]
    expect(keys('gateway-signing-keys.json')[0]).toHaveProperty('d')
    for (const name of ['db-verify-keys.json', 'worker-verify-keys.json']) expect(keys(name)[0]).not.toHaveProperty('d')
  })

  it('puts one password into every place where it is wanted', () => {
    make()
    const password = read('postgres-password')
    expect(password).toMatch(/^[\w-]{24}$/)
    for (const name of ['db-database-url', 'worker-database-url', 'init-database-url']) {
      expect(read(name)).toBe(`postgres://spillway:${password}@postgres:5432/spillway`)
    }
    const accounts = JSON.parse(read('init-accounts.json')) as { username: string; password: string }[]
    expect(accounts.map(({ username }) => username)).toEqual(['reader', 'editor', 'admin'])
    expect(read('k6-password')).toBe(accounts[0]?.password)
  })

  it('changes nothing that is there', () => {
    make()
    const before = all()
    expect(make()).toEqual([])
    expect(all()).toEqual(before)
  })

  it('makes what is missing out of what it knows', () => {
    make()
    const before = all()
    rmSync(path.join(directory, 'worker-database-url'))
    rmSync(path.join(directory, 'gateway-signing-keys.json'))
    expect(make().toSorted()).toEqual(['gateway-signing-keys.json', 'worker-database-url'])
    expect(all()).toEqual(before)
  })

  it('is not held up by what one that was killed left half made', () => {
    writeFileSync(path.join(directory, 'source.json.new'), '{"sig')
    chmodSync(path.join(directory, 'source.json.new'), 0o400)
    make()
    expect(JSON.parse(read('source.json'))).toHaveProperty('signing')
    expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  it('gives the demo accounts the password that is asked for, later too, and leaves the rest', () => {
    make()
    const before = all()
    expect(make({ DEMO_PASSWORD: 'for-the-class' })).toEqual(['source.json', 'init-accounts.json', 'k6-password'])
    expect(read('k6-password')).toBe('for-the-class')
    expect(read('postgres-password')).toBe(before['postgres-password'])
    expect(make({ DEMO_PASSWORD: 'for-the-class' })).toEqual([])
    expect(make()).toEqual([])
  })

  it('makes all anew where the source is gone, so that they belong together', () => {
    make()
    const before = all()
    rmSync(path.join(directory, 'source.json'))
    expect(make()).toHaveLength(10)
    for (const [name, text] of Object.entries(all())) expect(text).not.toBe(before[name])
  })

  it('refuses a damaged source without quoting it', () => {
    writeFileSync(path.join(directory, 'source.json'), '{"postgresPassword":"hunter2')
    expect(() => make()).toThrow(/source\.json is damaged; delete it/)
    expect(() => make()).not.toThrow(/hunter2/)
  })
  it('has a new key sign once everybody knows it, and forgets none that tokens are signed by', async () => {
    make()
    const before = all()
    const keys = (name: string) =>
      (JSON.parse(read(name)).keys as Record<string, string>[]).map(({ kid, d }) => [kid, !!d])
    const [[old]] = keys('gateway-signing-keys.json') as [[string, boolean]]
    let between: unknown
    const rotate = () =>
      rotateKey(directory, { DATABASE_URL }, chown, async () => {
        between = [keys('db-verify-keys.json'), keys('worker-verify-keys.json'), keys('gateway-signing-keys.json')]
      })
    const kid = await rotate()
    const verifying = [
      [old, false],
      [kid, false],
    ]
    expect(between).toEqual([verifying, verifying, verifying.map(([id]) => [id, true])])
    for (const name of ['db-verify-keys.json', 'worker-verify-keys.json']) {
      expect(keys(name)).toEqual(verifying.toReversed())
    }
    expect(keys('gateway-signing-keys.json')).toEqual([
      [kid, true],
      [old, false],
    ])
    // And nothing else, now or when it is looked at again.
    const after = all()
    expect(make()).toEqual([])
    expect(all()).toEqual(after)
    const same = Object.keys(after).filter((name) => after[name] === before[name])
    expect(same).toHaveLength(6)
    expect(owners.get('gateway-signing-keys.json')).toBe(10_001)
  })

  it('has no key to change where there is none', async () => {
    await expect(rotateKey(directory, { DATABASE_URL }, chown, async () => {})).rejects.toThrow(/has no secrets yet/)
  })
})
