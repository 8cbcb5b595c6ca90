import { expect, it } from 'vitest'
import { comparedRows } from '../measuring/compared.ts'
import { document as documentOf, type Measured, tables as tablesOf } from '../measuring/parted.ts'
import type { Sample } from '../measuring/sample.ts'
import { CACHE_PARTS } from './bench-cache.ts'
import { herd } from './herd.ts'

const BARE = 'bare Fastify route'

const sample = (contender: string, requests: number): Sample => ({
  ...{ case: 'GET', contender, round: 1, cpu: 0.95, core: { busy: 0.99, others: 0 }, faults: [] },
  load: { requests, seconds: 1, bytes: 300 * requests, p50: 1, p99: 2, failures: {} },
})
const tiers = [sample(BARE, 10_000), sample('L1 hit', 6000)]
const herds = [
  { row: 'all is well', round: 1, figures: { calls: 2, p99: 812 }, faults: ['an item was asked for twice'] },
]

const BENCH: Measured = {
  format: 1,
  command: 'make bench-cache PART=all ROUNDS=1',
  startedAt: '2026-03-01T12:00:00.000Z',
  machine: { cpu: 'AMD EPYC', cores: 2, memory: 2 ** 33, system: 'Linux', node: 'v26.10.0', commit: 'abc' },
  loadAverage: { before: 4, after: 1.9 },
  cores: { contender: 1, client: 0, upstreams: 0 },
  versions: { node: '26.10.0' },
  notes: ['The machine had other work: its load average was 4.00 before the first row.'],
  parts: {
    tiers: { samples: tiers, rows: comparedRows(tiers, [BARE]) },
    herd: { samples: herds, rows: herd.rowsOf(herds) },
  },
}

const tables = (seen: Measured) => tablesOf(seen, CACHE_PARTS)
const document = (seen: Measured) => documentOf(seen, CACHE_PARTS)

it('shows each part that was measured, with its figures, and no other', () => {
  for (const text of [tables(BENCH), document(BENCH)]) {
    expect(text).toMatch(/L1 hit.* 6,000 .* 0\.6\b/)
    expect(text).toMatch(/all is well.* 2 .* 812 .*INVALID/)
    expect(text).toContain('INVALID all is well: round 1: an item was asked for twice')
    expect(text).not.toContain('From a purge to its answer')
  }
})

it('says first what speaks against it, and last how to make it again', () => {
  const text = document(BENCH)
  expect(text.indexOf('had other work')).toBeLessThan(text.indexOf('6,000'))
  expect(text.trimEnd().endsWith('```\nmake bench-cache PART=all ROUNDS=1\n```')).toBe(true)
})
