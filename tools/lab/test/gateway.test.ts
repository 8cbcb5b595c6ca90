/** What routes cost, measured with real processes for a moment: that every row is what it says, not how fast. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { document, featureRows, table } from '../src/gateway/document.ts'
import { FEATURES, PLAIN } from '../src/gateway/features.ts'
import { measureFeatures, SPILLWAY, USUAL } from '../src/gateway/measure.ts'
import { BARE } from '../src/measuring/bare-route.ts'
import { autocannonClient } from '../src/measuring/client.ts'

/** With each kind of contender and of question. */
const SOME = FEATURES.filter(({ name, usual, isNew }) => name === PLAIN || isNew || (usual?.length ?? 0) > 1)

it('asks every route of every contender, each answered in full, and says what a feature adds', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'spillway-features-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const means = { environment: process.env, signal: new AbortController().signal, cores: {}, folder, say: () => {} }
  const samples = await measureFeatures({ ...means, features: SOME, client: autocannonClient(), turns: 2, seconds: 1 })
  expect(samples.flatMap(({ case: name, contender, faults }) => faults.map((each) => [name, contender, each]))).toEqual(
    [],
  )

  const rows = featureRows(samples)
  const of = (contender: string) => rows.filter((row) => row.contender === contender).map((row) => row.case)
  expect(of(SPILLWAY)).toEqual(SOME.map(({ name }) => name))
  expect(of(USUAL)).toEqual(SOME.filter(({ usual }) => usual).map(({ name }) => name))
  expect(of(BARE)).toEqual([PLAIN])
  for (const { case: name, adds } of rows) expect(adds === undefined).toBe(name === PLAIN)

  const machine = { cpu: 'any', cores: 2, memory: 2 ** 33, system: 'Linux', node: 'v26.10.0', commit: 'abc' }
  const loadAverage = { before: 0, after: 1 }
  const head = { format: 1 as const, startedAt: '2026-03-01T12:00:00.000Z', machine, loadAverage, cores: {} }
  const bench = { ...head, command: 'make bench-gateway', versions: {}, notes: ['It was a busy day.'], samples, rows }
  for (const text of [table(bench), document(bench)]) {
    for (const { name } of SOME) expect(text).toContain(name)
    expect(text).toContain('It was a busy day.')
  }
  expect(document(bench)).toContain('make bench-gateway')
}, 300_000)
