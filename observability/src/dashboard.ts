/** Grafana dashboards out of a few words: what a panel shows is written down, where it stands and how it looks is worked out. */

interface Query {
  /** PromQL; `$job`, `$instance` and `$__rate_interval` are Grafana's to fill in. */
  readonly expr: string
  /** The series' name, of its labels: `{{job}}`. */
  readonly legend: string
}

export interface Panel {
  readonly title: string
  /** What it shows and what to look for, in a sentence or two. */
  readonly description: string
  /** Grafana's id of a unit: `s`, `reqps`, `percentunit`, `bytes`, `short`. */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Of 24. Default: 8. */
  readonly width?: number
  /** Whether its figures move when requests come. */
  readonly traffic?: true
  /** Drawn one upon the other, where parts make a whole. */
  readonly stacked?: true
  /** Who fills it, where that is none of the stack's services. */
  readonly source?: 'k6'
}

/** Panels under one heading. */
interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

export interface Dashboard {
  /** Part of its URL and of its file's name. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly rows: readonly Row[]
}

/** Version of the model below: Grafana brings older ones up to date by itself, newer ones it would not know. */
const SCHEMA_VERSION = 39
const COLUMNS = 24
const HEIGHT = 8
const DATASOURCE = { type: 'prometheus', uid: '$datasource' }

/** The dashboard as Grafana's classic JSON model. */
export function grafana({ uid, title, description, rows }: Dashboard): object {
  return {
    uid,
    title,
    description,
    tags: ['spillway'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    // A shared crosshair: a moment is the same in all panels.
    graphTooltip: 1,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        tags: ['spillway'],
        title: 'Spillway',
        asDropdown: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    templating: { list: variables() },
    panels: placed(rows),
  }
}

function variables(): object[] {
  const choice = (name: string, query: string) => ({
    type: 'query',
    name,
    label: name,
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  })
  return [
    { type: 'datasource', name: 'datasource', label: 'data source', query: 'prometheus', refresh: 1, multi: false },
    choice('job', 'label_values(up, job)'),
    choice('instance', 'label_values(up{job=~"$job"}, instance)'),
  ]
}

/** From left to right and from top to bottom, as text is set. */
function placed(rows: readonly Row[]): object[] {
  const all: object[] = []
  let [y, id] = [0, 1]
  for (const { title, panels } of rows) {
    all.push({ type: 'row', id: id++, title, collapsed: false, gridPos: { x: 0, y, w: COLUMNS, h: 1 }, panels: [] })
    y++
    let x = 0
    for (const panel of panels) {
      const { width = 8 } = panel
      if (x + width > COLUMNS) [x, y] = [0, y + HEIGHT]
      all.push(drawn(panel, id++, { x, y, w: width, h: HEIGHT }))
      x += width
    }
    y += HEIGHT
  }
  return all
}

function drawn({ title, description, unit, queries, stacked }: Panel, id: number, gridPos: object): object {
  return {
    type: 'timeseries',
    id,
    title,
    description,
    gridPos,
    datasource: DATASOURCE,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      editorMode: 'code',
      range: true,
      expr,
      legendFormat: legend,
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: stacked ? 30 : 5,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  }
}
