import { describe, expect, it } from 'vitest'
import { asTyped, differences, effectiveTexts, givenTexts, quoted, readSettings } from './settings.ts'

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
