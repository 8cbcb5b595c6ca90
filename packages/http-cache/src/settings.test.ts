import { describe, expect, it } from 'vitest'
import { type HttpCacheOptions, settingsOf } from './settings.ts'

describe('settings', () => {
  it('are what docs/cache.md says where nothing is told', () => {
    expect(settingsOf({})).toMatchObject({
      clientDirectives: 'ignore',
      earlyRefresh: 1,
      fills: 128,
      headers: [],
      heuristic: 0,
      maxBodyBytes: 1_048_576,
      negativeTtl: 0,
      storeSetCookie: false,
      ttl: 0,
    })
  })

  it.each<[keyof HttpCacheOptions, unknown]>([
    ['clientDirectives', 'obey'],
    ['earlyRefresh', -1],
    ['fills', 0],
    ['fills', 1.5],
    ['headers', ['not a name']],
    ['heuristic', 2],
    ['maxBodyBytes', -1],
    ['maxBodyBytes', 1_966_081],
    ['negativeTtl', -1],
    ['negativeTtl', Number.POSITIVE_INFINITY],
    ['ttl', -1],
    ['ttl', Number.NaN],
    ['ttl', Number.POSITIVE_INFINITY],
  ])('cannot be %s: %j', (name, value) => {
    expect(() => settingsOf({ [name]: value })).toThrow(new RegExp(`^${name} `))
  })
})
