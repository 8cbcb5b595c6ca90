import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asTyped, commandLineNames, differences, givenTexts, quoted, readSettings } from './settings.ts'

/** As GNU make writes a variable into MAKEFLAGS. */
const escaped = (text: string) => text.replaceAll('$', '$$$$').replace(/[\s\\]/g, '\\$&')

describe('commandLineNames', () => {
  it.each([
    ['', []],
    ['s', []],
    [' -j2 --jobserver-auth=3,4 --no-print-directory', []],
    [' -- GATEWAYS=5', ['GATEWAYS']],
    ['s -- DB_LATENCY:=1s GATEWAYS=5', ['DB_LATENCY', 'GATEWAYS']],
    [' -- A=b\\ C=d E=', ['A', 'E']],
  ])('of %j', (makeflags, names) => {
    expect(commandLineNames(makeflags)).toEqual(names)
  })

  it('finds every name, whatever the values are', () => {
    const variable = fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,15}$/), fc.string())
    fc.assert(
      fc.property(fc.constantFrom('', 's', 'ks -j4'), fc.array(variable, { minLength: 1 }), (flags, variables) => {
        const makeflags = `${flags} -- ${variables.map(([name, value]) => `${name}=${escaped(value)}`).join(' ')}`
        expect(commandLineNames(makeflags)).toEqual(variables.map(([name]) => name))
      }),
    )
  })
})

describe('readSettings', () => {
  it('has the defaults that the README names', () => {
    expect(readSettings({})).toMatchObject({
      GATEWAYS: 3,
      CACHE_TTL: 30_000,
      DB_LATENCY: 0,
      POLICY: 'round-robin',
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
