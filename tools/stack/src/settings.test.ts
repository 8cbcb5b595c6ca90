import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { asTyped, differences, effectiveTexts, givenTexts, quoted, readFiles, readSettings } from './settings.ts'

describe('readSettings', () => {
  it('has the defaults that the README names', () => {
    expect(readSettings({})).toMatchObject({
      GATEWAYS: 3,
      CACHE_TTL: 30_000,
      DB_LATENCY: 0,
      POLICY: 'p2c-ewma',
      SAMPLE_ITEMS: 1000,
      PORT_OFFSET: 0,
      STATE_DIR: '.spillway',
    })
  })

  it('refuses on the command line what the environment may hold, and tells all mistakes at once', () => {
    expect(() => readSettings({ EDITOR: 'vi' })).not.toThrow()
    expect(() =>
      readSettings({ EDITOR: 'vi', GATEWAY: '5', GATEWAYS: '51', MAKEFLAGS: ' -- GATEWAY=5 EDITOR=vi' }),
    ).toThrow(/EDITOR is not a setting here.*\n.*GATEWAY is not a setting; did you mean GATEWAYS\?\n.*GATEWAYS is "51"/)
  })

  it('takes a demo password for a database on loopback only', () => {
    const DEMO_PASSWORD = 'known to all'
    expect(() => readSettings({ DEMO_PASSWORD, DATABASE_URL: 'postgres://db.example/x' })).toThrow(/loopback only/)
    expect(() => readSettings({ DEMO_PASSWORD, DATABASE_URL: 'postgres://127.0.0.1/x' })).not.toThrow()
  })
})

describe('a setting in a file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-settings-'))
  const CACHE_URL_FILE = path.join(folder, 'cache-url')
  const CACHE_URL = 'redis://:hush@cache.example:6379'
  writeFileSync(CACHE_URL_FILE, `${CACHE_URL}\n`)
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is taken from the environment and from make’s command line', () => {
    const MAKEFLAGS = ` -- CACHE_URL_FILE=${CACHE_URL_FILE}`
    for (const given of [{ CACHE_URL_FILE }, { CACHE_URL_FILE, MAKEFLAGS }]) {
      expect(readSettings(readFiles(given)).CACHE_URL).toBe(CACHE_URL)
    }
  })

  it('is told to each app in one way, and is no setting twice', () => {
    expect(readFiles({ CACHE_URL_FILE, CACHE_URL: '', HOME: '/root' })).toEqual({ CACHE_URL, HOME: '/root' })
    expect(() => readFiles({ CACHE_URL_FILE, CACHE_URL })).toThrow('CACHE_URL and CACHE_URL_FILE are both set')
    expect(() => readFiles({ CACHE_URL_FILE: '/none' })).toThrow('CACHE_URL_FILE is "/none", which cannot be read')
  })

  it('makes another stack where it says something else than before', () => {
    const asked = givenTexts(readFiles({ CACHE_URL_FILE }))
    expect(differences({}, asked)).toEqual([{ name: 'CACHE_URL', running: '(not set)', asked: '(secret)' }])
  })
})

describe('differences', () => {
  it('compares what the settings mean, not how they are written', () => {
    expect(differences({ CACHE_TTL: '30s' }, { CACHE_TTL: '30000ms', GATEWAYS: '3' })).toEqual([])
  })

  it('shows what runs and what was asked for, but no secret', () => {
    expect(differences({ GATEWAYS: '5' }, { DATABASE_URL: 'postgres://u:secret@127.0.0.1/x' })).toEqual([
      { name: 'GATEWAYS', running: '5', asked: '3' },
      { name: 'DATABASE_URL', running: '(not set)', asked: '(secret)' },
    ])
  })
})

describe('effectiveTexts', () => {
  it('has what is in force, defaults included, and no secret', () => {
    const texts = effectiveTexts({ DB_LATENCY: '100ms', DEMO_PASSWORD: 'hush', HOME: '/root' })
    expect(texts).toMatchObject({ DB_LATENCY: '100ms', GATEWAYS: '3', CACHE_TTL: '30s' })
    for (const name of ['DEMO_PASSWORD', 'HOME', 'REMOTE_URL']) expect(texts).not.toHaveProperty(name)
  })
})

describe('asTyped', () => {
  it('repeats what was given and shapes a stack', () => {
    const given = givenTexts({ GATEWAYS: '5', DEMO_PASSWORD: 'hush', HOME: '/root', STRICT_PORTS: '1' })
    expect(asTyped(given)).toBe(' GATEWAYS=5 DEMO_PASSWORD=...')
  })
})

describe('quoted', () => {
  it('leaves plain words alone and wraps others for a shell', () => {
    expect([quoted('/tmp/a-b'), quoted("it's $HOME")]).toEqual(['/tmp/a-b', "'it'\\''s $HOME'"])
  })
})
