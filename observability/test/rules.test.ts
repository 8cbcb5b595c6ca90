/** What Prometheus is told, held against promtool, the services' sources and the runbook. */
import { execFile, spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

interface Rule {
  record?: string
  alert?: string
  expr: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}
interface Case {
  name: string
  alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[]
  promql_expr_test?: { expr: string }[]
}
interface Config {
  scrape_configs: { job_name: string }[]
}

const ROOT = path.join(import.meta.dirname, '../..')
const PROMETHEUS = path.join(ROOT, 'observability/prometheus')
const CONFIG = path.join(PROMETHEUS, 'prometheus.yml')
const RULES = globSync(path.join(PROMETHEUS, 'rules/*.yml')).sort()
const TESTS = globSync(path.join(PROMETHEUS, 'tests/*.yml')).sort()

const read = <T>(file: string) => parse(readFileSync(file, 'utf8'), { merge: true }) as T
const rules = RULES.flatMap((file) =>
  read<{ groups: { rules: Rule[] }[] }>(file).groups.flatMap((group) => group.rules),
)
const alerts = rules.flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ alert, ...rule }]))
const recorded = rules.flatMap(({ record }) => record ?? [])
const cases = TESTS.flatMap((file) => read<{ tests: Case[] }>(file).tests)
const jobs = read<Config>(CONFIG).scrape_configs.map((config) => config.job_name)

describe('promtool', () => {
  // One that was named must be there; else it is the one on the path, if there is one.
  const named = process.env['PROMTOOL']
  const promtool = named ?? 'promtool'
  const missing = named === undefined && spawnSync(promtool, ['--version']).status !== 0
  const run = (...args: string[]) => promisify(execFile)(promtool, args)

  it.skipIf(missing)('takes the configuration', async () => {
    const { stdout } = await run('check', 'config', '--lint=all', '--lint-fatal', CONFIG)
    expect(stdout).toContain(`${RULES.length} rule files found`)
  })

  it.skipIf(missing)('takes the rules', async () => {
    const { stdout } = await run('check', 'rules', '--lint=all', '--lint-fatal', ...RULES)
    expect(stdout.match(/\d+ rules found/g)).toHaveLength(RULES.length)
  })

  it.skipIf(missing)('finds every rule to do what its cases say', { timeout: 120_000 }, async () => {
    const { stdout } = await run('test', 'rules', ...TESTS)
    expect(stdout).toContain('SUCCESS')
  })
})

describe.each(alerts)('the alert $alert', ({ alert, labels, annotations }) => {
  const about = (what: string) => cases.filter(({ name }) => name.startsWith(`${alert} ${what}`))
  const expected = (each: Case) => {
    const tests = (each.alert_rule_test ?? []).filter(({ alertname }) => alertname === alert)
    return tests.map(({ exp_alerts }) => exp_alerts.length > 0)
  }

  it('has cases in which it fires, stays quiet and resolves', () => {
    expect(about('fires').map(expected)).toContainEqual(expect.arrayContaining([true]))
    expect(about('stays quiet').length).toBeGreaterThan(0)
    for (const quiet of about('stays quiet')) expect(new Set(expected(quiet))).toEqual(new Set([false]))
    expect(about('resolves').length).toBeGreaterThan(0)
    for (const resolves of about('resolves')) {
      expect([expected(resolves).at(0), expected(resolves).at(-1)]).toEqual([true, false])
    }
  })

  it('says how bad it is, what is wrong, and where the runbook tells of it', () => {
    expect(['critical', 'warning']).toContain(labels?.['severity'])
    expect(annotations).toEqual({
      summary: expect.stringMatching(/\S/),
      description: expect.stringMatching(/\S/),
      runbook_url: `docs/runbook.md#${alert.toLowerCase()}`,
    })
  })
})

describe('the runbook', () => {
  it('has one heading for each alert, and none for what is no alert any more', () => {
    const headings = readFileSync(path.join(ROOT, 'docs/runbook.md'), 'utf8').matchAll(/^## (.+)$/gm)
    expect([...headings].map(([, heading]) => heading).sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  })
})

describe('the rules', () => {
  const sources = globSync(path.join(ROOT, '{apps,packages}/*/src/**/*.ts'))
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  /** Not ours: Prometheus' own, and prom-client's that every process has. */
  const FOREIGN = new Set(['up', 'process_start_time_seconds'])
  /** What our code writes as a text or as a key of an object. */
  const written = (name: string) => new RegExp(`'${name}'|^\\s*${name}:`, 'm').test(sources)

  it.each(rules.map(({ record, alert, expr }) => ({ name: record ?? alert, expr })))(
    'ask for nothing that nobody exports: $name',
    ({ expr }) => {
      const { metrics, labels, jobs: asked } = names(expr)
      const known = (metric: string) =>
        metric.includes(':')
          ? recorded.includes(metric)
          : FOREIGN.has(metric) || written(metric) || written(metric.replace(/_(bucket|count|sum)$/, ''))
      expect(metrics.length).toBeGreaterThan(0)
      expect(metrics.filter((metric) => !known(metric))).toEqual([])
      expect(labels.filter((label) => label !== 'job' && !written(label))).toEqual([])
      expect(asked.filter((job) => !jobs.includes(job))).toEqual([])
    },
  )

  it('name what they record as level:metric:operation, and each is proved', () => {
    const expressions = cases.flatMap((each) => (each.promql_expr_test ?? []).map(({ expr }) => expr))
    for (const record of recorded) {
      expect(record).toMatch(/^[a-z_]+:[a-z0-9_]+:[a-z0-9_]+$/)
      expect(expressions.flatMap((expr) => names(expr).metrics)).toContain(record)
    }
  })

  it('miss every role that is scraped, should it vanish', () => {
    const down = alerts.find(({ alert }) => alert === 'ServiceDown')
    const missed = [...(down?.expr.matchAll(/absent\(up\{job="(\w+)"\}\)/g) ?? [])].map(([, job]) => job)
    expect(missed.sort()).toEqual(jobs.filter((job) => job !== 'prometheus').sort())
  })
})

/** What an expression asks for: metrics, the labels that its selectors match, and the jobs among their values. */
function names(expr: string): { metrics: string[]; labels: string[]; jobs: string[] } {
  const matchers = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => ({
    label,
    value,
  }))
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*(\([^)]*\))?/g, '')
  return {
    // What is followed by a bracket is a function; what follows a digit is a unit.
    metrics: [...bare.matchAll(/(?<![\w:.])(?!(?:or|and|unless|offset|bool)\b)[a-z_][\w:]*\b(?!\s*\()/gi)].map(String),
    labels: matchers.map(({ label }) => label),
    jobs: matchers.flatMap(({ label, value }) => (label === 'job' ? value.split('|') : [])),
  }
}
