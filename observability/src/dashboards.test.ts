import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { grafana } from './dashboard.ts'
import { dashboards, files } from './files.ts'

interface Drawn {
  id: number
  type: string
  title: string
  description: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource: { uid: string }
  targets: { expr: string; legendFormat: string; datasource: { uid: string } }[]
  fieldConfig: { defaults: { unit: string } }
}

describe.each(files())('$file', ({ file, text }) => {
  it('is what its code makes: write it anew with the script `dashboards`', () => {
    expect(readFileSync(file, 'utf8')).toBe(text)
  })
})

it('are all the files there are', () => {
  const [first] = files()
  expect(readdirSync(path.dirname(first?.file ?? '')).sort()).toEqual(
    files()
      .map(({ file }) => path.basename(file))
      .sort(),
  )
})

describe.each(dashboards)('the dashboard $uid', (dashboard) => {
  const made = grafana(dashboard) as { panels: Drawn[]; templating: { list: { name: string }[] } }
  const panels = made.panels.filter(({ type }) => type !== 'row')

  it('lets choose the data source, jobs and instances', () => {
    expect(made.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance'])
  })

  it.each(panels)('says in "$title" what it shows, in what unit and from where', (panel) => {
    expect(panel.title).toMatch(/\S/)
    expect(panel.description).toMatch(/^.{10,}\.$/s)
    expect(panel.fieldConfig.defaults.unit).toMatch(/^(s|reqps|percentunit|bytes|short)$/)
    expect(panel.targets.length).toBeGreaterThan(0)
    for (const { expr, legendFormat, datasource } of panel.targets) {
      expect([datasource.uid, panel.datasource.uid]).toEqual(['$datasource', '$datasource'])
      expect(legendFormat).toMatch(/\S/)
      expect(expr).not.toMatch(/\bor\b/)
      // A window of its own would show other figures than Grafana's step.
      expect(expr.match(/\[[^\]]*\]/g) ?? []).toEqual((expr.match(/rate\(/g) ?? []).map(() => '[$__rate_interval]'))
    }
  })

  it('has panels that do not overlap, each with an id of its own', () => {
    expect(new Set(made.panels.map(({ id }) => id)).size).toBe(made.panels.length)
    for (const [index, { gridPos: a }] of made.panels.entries()) {
      expect(a.x + a.w).toBeLessThanOrEqual(24)
      for (const { gridPos: b } of made.panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
        expect(apart).toBe(true)
      }
    }
  })
})
