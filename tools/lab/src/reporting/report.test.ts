import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bench, seconds, truthful } from '../../test/sample.ts'
import { isRun, type Row } from '../judging/measures.ts'
import { LabError } from '../stack.ts'
import { report } from './report.ts'
import { createResults } from './results.ts'

const CHARTS = [
  'caching-rate.svg',
  'caching-time.svg',
  'rate.svg',
  'replication-rate.svg',
  'replication-time.svg',
  'seconds-closed.svg',
  'seconds-users.svg',
  'time.svg',
]
const SECTIONS = [
  'What held the stack back',
  'Findings',
  'Results',
  'Rows not to be believed, and why',
  'What limited each row',
  'Processes',
  'Time at each hop',
  'Charts',
  'The machine',
  'How to make it again',
]

describe('report', () => {
  let parent: string
  beforeEach(() => {
    parent = mkdtempSync(path.join(os.tmpdir(), 'report-'))
  })
  afterEach(() => rmSync(parent, { recursive: true }))

  const keep = (rows: readonly Row[], profile: 'classic' | 'full' = 'classic') => {
    const results = createResults(parent, profile, Date.UTC(2026, 2, 1, 12))
    for (const row of rows) isRun(row) ? results.add(row, seconds(row)) : results.addNotRun(row)
    return results.folder
  }
  const made = async (folder: string) => readFileSync(await report(folder), 'utf8')
  const svgs = (folder: string) =>
    Object.fromEntries(
      readdirSync(folder)
        .filter((name) => name.endsWith('.svg'))
        .map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
    )
  const section = (text: string, title: string) => text.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? ''

  it('tells what was held back first, then all else in its order, with every chart it shows beside it', async () => {
    const folder = keep(bench())
    const text = await made(folder)
    expect(text).toMatch(/^# Spillway: classic profile, 2026-03-01 12:00 UTC\n/)
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual(SECTIONS)
    expect(section(text, 'What held the stack back')).toContain('20 / 0.075 s = 267 requests a second')
    expect(section(text, 'Results').match(/^\| test[13]-(hit|miss) \| (users|closed) \| VALID \|/gm)).toHaveLength(8)
    expect(section(text, 'Rows not to be believed, and why')).toContain('All rows are valid.')
    expect(section(text, 'What limited each row').match(/^- \*\*/gm)).toHaveLength(8)
    expect(section(text, 'The machine')).toContain('| CPU | Sample CPU |')
    expect(section(text, 'How to make it again')).toContain(
      'make bench PROFILE=classic DURATION=60s USERS=1000 CONNECTIONS=64\n',
    )
    expect([...text.matchAll(/^!\[[^\]]+\]\((.*)\)$/gm)].map(([, file]) => file).sort()).toEqual(CHARTS)
    expect(Object.keys(svgs(folder))).toEqual(CHARTS)
  })

  it('has a table whose every line has the same number of cells', async () => {
    const notRun = { name: 'test3-hit', shape: 'users', notRun: 'no | k6' } as const
    const text = await made(keep([truthful(), notRun]))
    const lines = section(text, 'Results')
      .split('\n')
      .filter((line) => line.startsWith('|'))
    expect(new Set(lines.map((line) => line.split('|').length)).size).toBe(1)
  })

  it('is the same byte for byte when it is made again from the same raw files', async () => {
    const folder = keep(bench())
    const copy = path.join(parent, 'copy')
    cpSync(folder, copy, { recursive: true })
    const [first, again, other] = [await made(folder), await made(folder), await made(copy)]
    expect(again).toBe(first)
    expect(other).toBe(first)
    expect(svgs(copy)).toEqual(svgs(folder))
  })

  it('names each chart for those who hear it, and marks in it what is not to be believed', async () => {
    const rows = bench()
    for (const row of rows) if (row.name === 'test3-miss' && row.shape === 'closed') row.served.busy = 1
    const folder = keep(rows)
    await report(folder)
    const charts = svgs(folder)
    expect(charts['time.svg']).toMatch(
      /^<svg [^>]*role="img">\n<title>Average time of an answer<\/title>\n<desc>test1-miss/,
    )
    for (const name of CHARTS.filter((chart) => !chart.startsWith('seconds'))) {
      expect(charts[name]).toContain('>INCONCLUSIVE</text>')
      expect(charts[name]).not.toMatch(/NaN|Infinity|undefined/)
    }
    expect(charts['time.svg']).toContain('>2,200 ms</text>')
    expect(charts['rate.svg']).toContain('>624/s</text>')
  })

  it('gives the reasons of rows that are not valid, the statuses of failures, and the way out of rows not run', async () => {
    const run = truthful({ gateways: 2 })
    run.load.statuses = { 200: run.load.requests - 100, 503: 70, ECONNRESET: 30 }
    const text = await made(keep([run, { name: 'test3-hit', shape: 'users', notRun: 'it needs k6' }]))
    expect(section(text, 'Results')).toMatch(/\| test2-miss \| users \| INVALID \|.*\| 70 x 503 and 30 x ECONNRESET \|/)
    expect(section(text, 'Results')).toMatch(/\| test3-hit \| users \| NOT RUN \|/)
    const doubts = section(text, 'Rows not to be believed, and why')
    expect(doubts).toMatch(/- INVALID \*\*test2-miss, users\*\*: 100 of .* got no 2xx answer/)
    expect(doubts).toMatch(/- NOT RUN \*\*test3-hit, users\*\*: it needs k6/)
    expect(section(text, 'How to make it again')).toContain(
      'make run2-miss PROFILE=classic DURATION=60s USERS=1000 SHAPE=users\n',
    )
  })

  it('shows what others said as text, whatever lines, marks and tags are in it', async () => {
    const run = truthful({ gateways: 2 })
    run.machine.cpu = 'A|B\nC <i>'
    run.load.statuses = { 200: run.load.requests - 100, 'reset\n<b>|': 100 }
    const notRun = 'k6 ended with 107:\n# level=error\n<script>x</script>\n- *a* [b](c)'
    const text = await made(keep([run, { name: 'test3-hit', shape: 'users', notRun }]))
    expect(section(text, 'Rows not to be believed, and why')).toContain(
      'users**: k6 ended with 107: # level=error \\<script\\>x\\</script\\> - \\*a\\* \\[b\\](c)\n',
    )
    expect(section(text, 'The machine')).toContain('| CPU | A\\|B C \\<i\\> |\n')
    expect(section(text, 'Results')).toContain('| 100 x reset \\<b\\>\\| |')
    expect([...text.matchAll(/^#+ (.*)$/gm)].slice(1).map(([, title]) => title)).toEqual(SECTIONS)
  })

  it('can be made where nothing was run, and where no request was made', async () => {
    const nothing = await made(keep([{ name: 'test3-hit', shape: 'users', notRun: 'it needs k6' }], 'full'))
    expect([...nothing.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual(SECTIONS)
    const empty = truthful()
    Object.assign(empty.load, { requests: 0, duration: 0, statuses: {}, cores: 0 })
    Object.assign(empty.served, { hops: [], processes: [], gateways: [], databaseReads: 0, computations: 0 })
    for (const text of [nothing, await made(keep([empty]))]) expect(text).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('names the file that is damaged, and draws nothing', async () => {
    const folder = keep([truthful()])
    writeFileSync(path.join(folder, 'test3-miss-users.csv'), 'second,requests\n1,2\n')
    await expect(report(folder)).rejects.toThrow(LabError)
    await expect(report(folder)).rejects.toThrow(/test3-miss-users\.csv line 1: the column "failures" is missing/)
    expect(Object.keys(svgs(folder))).toEqual([])
  })
})
