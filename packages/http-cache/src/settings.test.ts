import { describe, expect, it } from 'vitest'
import { type HttpCacheOptions, settingsOf } from './settings.ts'

describe('what a cache is told', () => {
  it('has defaults', () => {
    expect(settingsOf({})).toMatchObject({ maxBodyBytes: 1_048_576, negativeTtl: 0, storeSetCookie: false })
  })

  it.each<[keyof HttpCacheOptions, unknown[]]>([
    ['clientDirectives', ['obey']],
    ['earlyRefresh', [-1, Number.NaN, 'x']],
    ['heuristic', [-0.1, 1.1, Number.NaN]],
    ['maxBodyBytes', [-1, 1.5, 1_966_081, Number.NaN]],
    ['negativeTtl', [-1, Number.NaN, Infinity]],
  ])('is refused where it cannot be meant: %s', (name, values) => {
    for (const value of values) expect(() => settingsOf({ [name]: value })).toThrow(name)
  })
})
