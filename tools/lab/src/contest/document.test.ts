import { expect, it } from 'vitest'
import { comparedRows } from '../measuring/compared.ts'
import type { Sample } from '../measuring/sample.ts'
import { badRows } from './bad-rows.ts'
import { PEERS } from './contenders.ts'
import { type Contest, document, tables } from './document.ts'

const sample = (contender: string, requests: number, more: Partial<Sample> = {}): Sample => ({
  ...{ case: 'GET small', contender, round: 1, cpu: 0.95, core: { busy: 0.99, others: 0 }, faults: [] },
  load: { requests, seconds: 1, bytes: 300 * requests, p50: 1, p99: 2, failures: {} },
  ...more,
})

const contest = (samples: Sample[], notes: string[] = []): Contest => ({
  format: 1,
  command: 'make bench-balancer PART=forwarding ROUNDS=1',
  startedAt: '2026-03-01T12:00:00.000Z',
  machine: { cpu: 'AMD EPYC', cores: 2, memory: 2 ** 33, system: 'Linux', node: 'v26.10.0', commit: 'abc' },
  loadAverage: { before: 0.1, after: 1.9 },
  cores: { contender: 1, client: 0, upstreams: 0 },
  versions: { node: '26.10.0', nginx: '1.22.1' },
  notes,
  forwarding: { samples, rows: comparedRows(samples, Object.values(PEERS)) },
  badUpstreams: { samples: [], rows: badRows([], '') },
})

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
