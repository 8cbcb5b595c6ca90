import { expect, it } from 'vitest'
import { comparedRows } from '../measuring/compared.ts'
import { document as documentOf, type Measured, tables as tablesOf } from '../measuring/parted.ts'
import type { Sample } from '../measuring/sample.ts'
import { PEERS } from './contenders.ts'
import { contestOf } from './contest.ts'

const sample = (contender: string, requests: number, more: Partial<Sample> = {}): Sample => ({
  ...{ case: 'GET small', contender, round: 1, cpu: 0.95, core: { busy: 0.99, others: 0 }, faults: [] },
  load: { requests, seconds: 1, bytes: 300 * requests, p50: 1, p99: 2, failures: {} },
  ...more,
})

const contest = (samples: Sample[], notes: string[] = []): Measured => ({
  format: 1,
  command: 'make bench-balancer PART=forwarding ROUNDS=1',
  startedAt: '2026-03-01T12:00:00.000Z',
  machine: { cpu: 'AMD EPYC', cores: 2, memory: 2 ** 33, system: 'Linux', node: 'v26.10.0', commit: 'abc' },
  loadAverage: { before: 0.1, after: 1.9 },
  cores: { contender: 1, client: 0, upstreams: 0 },
  versions: { node: '26.10.0', nginx: '1.22.1' },
  notes,
  parts: { forwarding: { samples, rows: comparedRows(samples, Object.values(PEERS)) } },
})
const PARTS = contestOf({ versions: {} })
const tables = (seen: Measured) => tablesOf(seen, PARTS)
const document = (seen: Measured) => documentOf(seen, PARTS)

it('names the machine, the versions, the command, and no part that was not measured', () => {
  const text = document(contest([sample('Spillway', 1000)]))
  for (const said of ['AMD EPYC', '| nginx | 1.22.1 |', 'make bench-balancer PART=forwarding ROUNDS=1', '1, 0, 0']) {
    expect(text).toContain(said)
  }
  expect(text).not.toContain('## Bad upstreams')
})

it('says before the figures what speaks against them', () => {
  const noted = contest([sample('Spillway', 1000)], ['HAProxy is not installed: it was left out.'])
  expect(document(noted).indexOf('HAProxy is not installed')).toBeLessThan(document(noted).indexOf('1,000'))
  expect(tables(noted)).toMatch(/^! HAProxy is not installed/)
})

it('marks a ratio to a peer that could have done more', () => {
  const limited = sample('nginx', 4000, { core: { busy: 0.6, others: 0 } })
  const shown = tables(contest([limited, sample('Spillway', 1000)]))
  expect(shown).toMatch(/Spillway .* ≤ 0.25/)
  expect(shown).toMatch(/nginx .* LIMITED/)
})

it('says why a row is invalid', () => {
  const shown = contest([sample('Spillway', 1000, { faults: ['3 x not 2xx or 3xx'] })])
  for (const text of [tables(shown), document(shown)]) {
    expect(text).toContain('INVALID GET small, Spillway: round 1: 3 x not 2xx or 3xx')
  }
})

it('names who was left out, and what stood in', () => {
  const { notes = [] } = contestOf({ versions: {} })
  expect(notes).toContain('HAProxy is not installed: it was left out.')
  expect(notes.some((note) => note.startsWith('nginx is not installed: it was left out, and the upstreams'))).toBe(true)
  expect(contestOf({ nginx: '/usr/sbin/nginx', haproxy: '/usr/sbin/haproxy', versions: {} }).notes).toEqual([])
})
