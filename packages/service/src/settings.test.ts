import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { ConfigError, choice, cidrs, duration, list, origins, port, readConfig, size, text, whole } from './index.ts'

const about = 'for the tests'

function read(setting: TSchema, value: string | undefined): unknown {
  return Object.values(readConfig({ SETTING: setting }, { SETTING: value }))[0]
}

function mistake(setting: TSchema, value: string | undefined): string {
  try {
    read(setting, value)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).mistakes.join('\n')
  }
  throw new Error(`${value} was taken`)
}

describe('duration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0s', 0],
    ['1.5s', 1500],
  ])('reads %s as %d ms', (given, ms) => {
    expect(read(duration({ about }), given)).toBe(ms)
  })

  it.each(['30', 's', '-1s', '1 s', '1.s', '.5s', '1e3s', '30S', '25d', `${'9'.repeat(400)}s`, 'Infinitys'])(
    'refuses %s',
    (given) => {
      expect(mistake(duration({ about }), given)).toMatch(/it must be a duration such as 250ms, 30s, 5m$/)
    },
  )

  it('reads back what it would write', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (ms) => {
        expect(read(duration({ about }), `${ms}ms`)).toBe(ms)
      }),
    )
  })
})

describe('size', () => {
  it.each([
    ['0B', 0],
    ['512kB', 512_000],
    ['64MB', 64_000_000],
    ['1GiB', 1_073_741_824],
    ['1.5KiB', 1536],
    ['0.3B', 0],
  ])('reads %s as %d bytes', (given, bytes) => {
    expect(read(size({ about }), given)).toBe(bytes)
  })

  it.each(['64', 'MB', '-1MB', '64mb', '64 MB', `${'9'.repeat(40)}GB`])('refuses %s', (given) => {
    expect(mistake(size({ about }), given)).toMatch(/it must be a size such as 512kB, 64MB, 1GiB$/)
  })

  it('reads back what it would write', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(read(size({ about }), `${bytes}B`)).toBe(bytes)
      }),
    )
  })
})

describe('whole numbers and ports', () => {
  it('takes the bounds', () => {
    const setting = whole({ about, minimum: -2, maximum: 3 })
    expect([read(setting, '-2'), read(setting, '3')]).toEqual([-2, 3])
    expect([read(port({ about }), '0'), read(port({ about }), '65535')]).toEqual([0, 65_535])
  })

  it.each(['65536', '-1', '80.5', 'true', '0x50', '1e3', ' 80 ', '80n', 'http', '9'.repeat(400)])(
    'refuses the port %s',
    (given) => {
      expect(mistake(port({ about }), given)).toBe(
        `SETTING is ${JSON.stringify(given)}; it must be a whole number from 0 to 65535`,
      )
    },
  )
})

describe('choice', () => {
  it('takes one of its words and says them otherwise', () => {
    const setting = choice(['round-robin', 'random'], { about })
    expect(read(setting, 'random')).toBe('random')
    expect(mistake(setting, 'p2c')).toBe('SETTING is "p2c"; it must be one of round-robin, random')
    expect(mistake(setting, 'Random')).toMatch(/one of/)
  })
})

describe('list', () => {
  it('splits at commas, without spaces and empty parts, and cannot be changed', () => {
    const read1 = read(list({ about }), ' /metrics, /admin ,,') as readonly string[]
    expect(read1).toEqual(['/metrics', '/admin'])
    expect(Object.isFrozen(read1)).toBe(true)
  })

  it('can be empty by default', () => {
    expect(read(list({ about, default: '' }), undefined)).toEqual([])
  })
})

describe('origins', () => {
  it('reads them in order, without a slash at the end', () => {
    expect(read(origins({ about }), 'http://127.0.0.1:5000/, https://[::1]:5003,http://Db')).toEqual([
      'http://127.0.0.1:5000',
      'https://[::1]:5003',
      'http://db',
    ])
  })

  it('reads names whose addresses are all meant', () => {
    expect(read(origins({ about }), 'dns+http://Gateway:5000/,DNS+https://db:443, http://[::1]:1')).toEqual([
      'dns+http://gateway:5000',
      'dns+https://db',
      'http://[::1]:1',
    ])
  })

  it.each([
    'localhost:5000',
    'dns+localhost:5000',
    'dns+ftp://a',
    'dns+http://a/path',
    'dns+dns+http://a',
    'dns+',
    'ftp://a',
    'http://a/path',
    'http://a?q',
    'http://a#f',
    'http://user:pass@a',
    'http://a:99999',
    'http://[',
    'http://a,,http://b',
    'http://',
  ])('refuses %s', (given) => {
    expect(mistake(origins({ about }), given)).toMatch(/it must be comma-separated origins such as .* or dns\+http:/)
  })
})

describe('any setting', () => {
  const kinds = {
    DURATION: duration({ about, default: '1s' }),
    SIZE: size({ about, default: '1MB' }),
    PORT: port({ about, default: 1 }),
    TEXT: text({ about, default: 'text' }),
    CHOICE: choice(['a', 'b'], { about, default: 'b' }),
    LIST: list({ about, default: 'a,b' }),
    ORIGINS: origins({ about, default: 'http://a' }),
    MAYBE: Type.Optional(text({ about })),
  }

  it('has its default when it is not set or empty', () => {
    const byDefault = { DURATION: 1000, SIZE: 1e6, PORT: 1, TEXT: 'text', CHOICE: 'b', LIST: ['a', 'b'] }
    const empty = Object.fromEntries(Object.keys(kinds).map((name) => [name, '']))
    for (const environment of [{}, empty]) {
      expect(readConfig(kinds, environment)).toEqual({ ...byDefault, ORIGINS: ['http://a'] })
    }
  })

  it('is read or refused with a ConfigError, whatever the environment holds', () => {
    const anything = fc.oneof(fc.string(), fc.stringMatching(/^[\d.]{1,12}(ms|s|B|GB)$/), fc.webUrl(), fc.constant('a'))
    const environment = fc.record(Object.fromEntries(Object.keys(kinds).map((name) => [name, anything])), {
      requiredKeys: [],
    })
    fc.assert(
      fc.property(environment, (given) => {
        try {
          const config = readConfig(kinds, given)
          expect(config.DURATION).toBeGreaterThanOrEqual(0)
          expect(config.SIZE).toBeGreaterThanOrEqual(0)
          for (const origin of config.ORIGINS) expect(new URL(origin.replace(/^dns\+/, '')).origin).toBe(origin)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('cidrs', () => {
  it('reads addresses and blocks, and nothing from nothing', () => {
    expect(read(cidrs({ about }), '10.0.0.0/8, 192.168.1.5,fd00::/8,::1')).toEqual([
      '10.0.0.0/8',
      '192.168.1.5',
      'fd00::/8',
      '::1',
    ])
    expect(readConfig({ X: cidrs({ about, default: '' }) }, {}).X).toEqual([])
  })

  it.each(['10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'example.com', '10.0.0.0/8,', '10.0.0.0/-1', '10.0.0.0/8/8'])(
    'refuses %s',
    (given) => {
      expect(mistake(cidrs({ about }), given)).toMatch(/it must be comma-separated addresses or CIDRs such as/)
    },
  )
})
