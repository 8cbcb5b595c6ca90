import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Type } from 'typebox'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, commonSettings, list, port, readConfig, text } from './index.ts'

const settings = {
  ...commonSettings,
  DATABASE_URL: text({ about: 'Required.' }),
  ADMIN_PORT: port({ about: 'Another port.', default: 8001 }),
  DENY_PATHS: list({ about: 'A list.', default: '/metrics' }),
}

function mistakes(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(settings, environment)
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).mistakes
  }
}

describe('readConfig', () => {
  it('gives typed, frozen values', () => {
    const config = readConfig(settings, { DATABASE_URL: 'postgres://x', ADMIN_PORT: '9000', INSTANCE: 'db-1' })
    expect(config).toEqual({
      PORT: 0,
      HOST: '127.0.0.1',
      INSTANCE: 'db-1',
      LOG_LEVEL: 'info',
      DATABASE_URL: 'postgres://x',
      ADMIN_PORT: 9000,
      DENY_PATHS: ['/metrics'],
    })
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.DENY_PATHS)).toBe(true)
  })

  it('tells every mistake at once', () => {
    expect(mistakes({ PORT: 'http', LOG_LEVEL: 'loud', INSTANCE: 'a b', SPILLWAY_COLOUR: 'blue' })).toEqual([
      expect.stringMatching(/^SPILLWAY_COLOUR is not a setting here; known are PORT, HOST,/),
      'PORT is "http"; it must be a whole number from 0 to 65535',
      'INSTANCE is "a b"; it must be up to 64 letters, digits, dots and hyphens',
      'LOG_LEVEL is "loud"; it must be one of fatal, error, warn, info, debug, trace, silent',
      'DATABASE_URL is not set; it must be a text that is not empty',
    ])
  })

  it('shows no credentials of a URL that is wrong', () => {
    expect(mistakes({ DATABASE_URL: 'x', PORT: 'https://ada:secret@db/x, http://token@db:1/' })).toEqual([
      'PORT is "https://…@db/x, http://…@db:1/"; it must be a whole number from 0 to 65535',
    ])
  })

  it('says how many mistakes there are, and names each in its message', () => {
    expect(() => readConfig(settings, { PORT: 'x', HOST: '' })).toThrow(
      /^The settings have 2 mistakes:\n {2}PORT is "x".*\n {2}DATABASE_URL is not set/,
    )
  })

  it.each([
    ['ADMIN_POTR', 'two letters swapped'],
    ['ADMIN_PRT', 'a letter lost'],
    ['ADMIN_PPORT', 'a letter too many'],
    ['ADMIN_PURT', 'a letter wrong'],
    ['ADMIN_PORTS', 'a letter at the end'],
    ['DMIN_PORT', 'the first letter lost'],
  ])('takes %s for a slip (%s)', (name) => {
    expect(mistakes({ DATABASE_URL: 'x', [name]: '1' })).toEqual([`${name} is not a setting; did you mean ADMIN_PORT?`])
  })

  it.each(['PATH', 'HOME', 'PORTS', 'HOSTNAME', 'ADMIN', 'ADMIN_POSTS', 'DATABASE', 'npm_config_user_agent'])(
    'leaves %s alone: an environment holds much that is not ours',
    (name) => {
      expect(mistakes({ DATABASE_URL: 'x', [name]: '1' })).toEqual([])
    },
  )

  it('counts an empty value as not set', () => {
    expect(mistakes({ DATABASE_URL: '', SPILLWAY_COLOUR: '' })).toEqual([
      'DATABASE_URL is not set; it must be a text that is not empty',
    ])
    expect(readConfig(settings, { DATABASE_URL: 'x', INSTANCE: '', PORT: '' })).not.toHaveProperty('INSTANCE')
  })

  it('is not fooled by names that every object has', () => {
    expect(readConfig({ X: Type.Optional(text({ about: '' })) }, { constructor: 'a', toString: 'b' } as never)).toEqual(
      {},
    )
  })
})

describe('a setting in a file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-config-'))
  const file = path.join(folder, 'database-url')
  writeFileSync(file, 'postgres://from-a-file\n')
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is read from there, without the line’s end', () => {
    expect(readConfig(settings, { DATABASE_URL_FILE: file }).DATABASE_URL).toBe('postgres://from-a-file')
  })

  it('is judged as if it stood in the environment', () => {
    expect(mistakes({ DATABASE_URL: 'x', PORT_FILE: file })).toEqual([
      'PORT is "postgres://from-a-file"; it must be a whole number from 0 to 65535',
    ])
  })

  it('must not be given twice', () => {
    expect(mistakes({ DATABASE_URL: 'x', DATABASE_URL_FILE: file })).toEqual([
      'DATABASE_URL and DATABASE_URL_FILE are both set; one of them must go',
    ])
  })

  it('must be there', () => {
    expect(mistakes({ DATABASE_URL_FILE: `${file}-missing` })).toEqual([
      `DATABASE_URL_FILE is "${file}-missing", which cannot be read (ENOENT)`,
    ])
  })

  it('is left alone where the setting’s own name ends so', () => {
    const named = { KEYS_FILE: text({ about: 'A path.' }), KEYS: Type.Optional(text({ about: 'Something else.' })) }
    expect(readConfig(named, { KEYS_FILE: '/nowhere' })).toEqual({ KEYS_FILE: '/nowhere' })
  })
})
