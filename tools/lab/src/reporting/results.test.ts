import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bench, seconds, truthful } from '../../test/sample.ts'
import { LabError } from '../stack.ts'
import { createResults, newestIn, readResults, readSeconds } from './results.ts'

const NOON = Date.UTC(2026, 2, 1, 12)

describe('results', () => {
  let parent: string
  beforeEach(() => {
    parent = mkdtempSync(path.join(os.tmpdir(), 'results-'))
  })
  afterEach(() => rmSync(parent, { recursive: true }))

  it('gives back every row and every second that was kept', () => {
    const results = createResults(parent, 'classic', NOON)
    const notRun = { name: 'test3-hit', shape: 'users', notRun: 'it needs k6' } as const
    const runs = bench()
    for (const run of runs) results.add(run, seconds(run))
    results.addNotRun(notRun)
    expect(results.rows).toEqual([...runs, notRun])
    expect(readResults(results.folder)).toEqual({
      profile: 'classic',
      startedAt: '2026-03-01T12:00:00.000Z',
      rows: [...runs, notRun],
    })
    for (const run of runs) expect(readSeconds(results.folder, run)).toEqual(seconds(run))
    expect(
      readdirSync(results.folder).filter((name) => !/^test[13]-(hit|miss)-(users|closed)\.csv$/.test(name)),
    ).toEqual(['results.json'])
  })

  it('makes a folder of its own even for those who begin in the same millisecond, in the order of making', () => {
    const folders = Array.from({ length: 5 }, () => createResults(parent, 'full', NOON).folder)
    expect(folders.map((folder) => path.basename(folder))).toEqual(readdirSync(parent).sort())
    expect(path.basename(folders[4] ?? '')).toBe('2026-03-01T12-00-00-004Z-full')
  })

  it('can be read after each row', () => {
    const results = createResults(parent, 'classic')
    for (const run of bench()) {
      results.add(run, [])
      expect(readResults(results.folder).rows).toEqual(results.rows)
    }
  })

  it('finds the newest folder that has results, and says what to do where none has', () => {
    expect(() => newestIn(parent)).toThrow(/there are no results in .*; make bench first/)
    expect(() => newestIn(path.join(parent, 'nowhere'))).toThrow(LabError)
    createResults(parent, 'full', NOON).add(truthful(), [])
    const newer = createResults(parent, 'classic', NOON + 1000)
    newer.add(truthful(), [])
    createResults(parent, 'classic', NOON + 2000)
    mkdirSync(path.join(parent, 'zzz'))
    expect(newestIn(parent)).toBe(newer.folder)
  })

  describe('that are damaged', () => {
    const damage = (edit: (text: string) => string) => {
      const { folder, add } = createResults(parent, 'classic')
      add(truthful(), [])
      const file = path.join(folder, 'results.json')
      writeFileSync(file, edit(readFileSync(file, 'utf8')))
      return () => readResults(folder)
    }

    it.each<[string, (text: string) => string, RegExp]>([
      ['cut off', (text) => text.slice(0, 200), /results\.json is damaged: .*JSON/],
      ['of another kind', () => '7', /results\.json is damaged: it holds no object/],
      [
        'of another format',
        (text) => text.replace('"format": 1', '"format": 2'),
        /results\.json: format is 2, .* reads 1/,
      ],
      ['without a format', (text) => text.replace('"format": 1,', ''), /results\.json: format is undefined/],
      [
        'of no known profile',
        (text) => text.replace('"classic"', '"fast"'),
        /results\.json is damaged: profile must be/,
      ],
      ['without rows', (text) => text.replace('"rows"', '"lines"'), /results\.json is damaged: .*rows/],
      [
        'with a text for a count',
        (text) => text.replace(/"outOfKeys": 0/, '"outOfKeys": "0"'),
        /rows\.0\.load\.outOfKeys must be integer/,
      ],
      [
        'with what JSON made of NaN',
        (text) => text.replace(/"average": 82/, '"average": null'),
        /rows\.0\.load\.latency\.average must be number/,
      ],
      [
        'with a negative time',
        (text) => text.replace(/"average": 82/, '"average": -82'),
        /rows\.0\.load\.latency\.average must be >= 0/,
      ],
    ])('name the file and the field: %s', (_, edit, message) => {
      expect(damage(edit)).toThrow(LabError)
      expect(damage(edit)).toThrow(message)
    })

    it('name the file that is missing', () => {
      expect(() => readResults(parent)).toThrow(/results\.json cannot be read \(ENOENT\)/)
    })
  })
})
