/** What the report's charts show, as data for ECharts; `draw.ts` draws it. */
import type { EChartsOption } from 'echarts'
import { milliseconds, perSecond } from '../judging/figures.ts'
import { isRun, type Row, rate } from '../judging/measures.ts'
import { judge } from '../judging/verdict.ts'
import { type Run, type Second, SHAPES } from '../run.ts'

export interface Chart {
  /** Of its file, without the ending. */
  readonly name: string
  readonly title: string
  /** What a reader sees in it, in words. */
  readonly description: string
  readonly width: number
  readonly height: number
  readonly option: EChartsOption
}

interface Measure {
  readonly unit: string
  readonly of: (run: Run) => number
  readonly text: (value: number) => string
}

const TIME: Measure = { unit: 'ms', of: ({ load }) => load.latency.average, text: milliseconds }
const RATE: Measure = { unit: 'requests a second', of: ({ load }) => rate(load), text: perSecond }
const PAIRS = [
  { name: 'replication', title: 'Misses, one gateway against three', pair: ['test1-miss', 'test3-miss'] },
  { name: 'caching', title: 'Three gateways, missed against hit', pair: ['test3-miss', 'test3-hit'] },
]

/** Told apart by those who see no red or no green, too (Okabe and Ito). */
export const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#000000']
/** Later lines have gaps, through which those below are seen. */
export const STROKES = ['solid', 'solid', 'dashed', 'dotted'] as const
const HATCHED = {
  symbol: 'rect',
  color: 'rgba(0, 0, 0, 0.35)',
  dashArrayX: [1, 0],
  dashArrayY: [3, 4],
  rotation: Math.PI / 4,
}
const SMALL = { fontSize: 9, color: '#222222', opacity: 1 }
export const [WIDTH, HEIGHT] = [860, 400]

/** By the row's name: a row has the same in every chart. */
type Colours = ReadonlyMap<string, string>

/** Those that there are rows for. */
export function charts(rows: readonly Row[], secondsOf: (run: Run) => readonly Second[]): Chart[] {
  const runs = rows.filter(isRun).filter(({ load }) => load.requests > 0)
  const names = [...new Set(runs.map(({ name }) => name))]
  const colours = new Map(names.map((name, index) => [name, COLOURS[index % COLOURS.length] as string]))
  return [
    bars('time', 'Average time of an answer', runs, TIME, colours),
    bars('rate', 'Requests a second', runs, RATE, colours),
    ...PAIRS.filter(({ pair }) => pair.every((name) => names.includes(name))).flatMap(({ name, title, pair }) => {
      const both = runs.filter((run) => pair.includes(run.name))
      return [
        bars(`${name}-time`, `${title}: average time of an answer`, both, TIME, colours),
        bars(`${name}-rate`, `${title}: requests a second`, both, RATE, colours),
      ]
    }),
    ...(['users', 'closed'] as const).map((shape) => lines(shape, runs, secondsOf, colours)),
  ].flatMap((chart) => chart ?? [])
}

/** A group for each shape, in it a bar for each row. */
function bars(
  name: string,
  title: string,
  runs: readonly Run[],
  measure: Measure,
  colours: Colours,
): Chart | undefined {
  const shapes = (['users', 'closed'] as const).filter((shape) => runs.some((run) => run.shape === shape))
  if (shapes.length === 0) return undefined
  const series = [...new Set(runs.map((run) => run.name))].map((row) => ({
    type: 'bar' as const,
    name: row,
    color: colours.get(row) as string,
    barMaxWidth: 90,
    data: shapes.map((shape) =>
      barOf(
        runs.find((run) => run.name === row && run.shape === shape),
        measure,
      ),
    ),
  }))
  const data = shapes.map((shape) => SHAPES[shape])
  return {
    ...described(name, title, runs, measure),
    option: {
      ...frame(title, measure.unit),
      xAxis: { type: 'category', data, axisTick: { show: false }, axisLabel: { fontSize: 13 } },
      series,
    },
  }
}

function barOf(run: Run | undefined, { of, text }: Measure) {
  if (!run) return '-' as const
  const { verdict } = judge(run)
  const value = of(run)
  const short = text(value).replace(' requests a second', '/s')
  const label = { show: true, position: 'top' as const, color: '#222222', opacity: 1, formatter: short }
  if (verdict === 'valid') return { value, label }
  // Pale, hatched and named: one of them alone would be overlooked.
  const marked = { ...label, formatter: `{verdict|${verdict.toUpperCase()}}\n${short}`, rich: { verdict: SMALL } }
  return { value, label: marked, itemStyle: { opacity: 0.5, decal: HATCHED } }
}

/** Requests a second over the run. */
function lines(
  shape: Run['shape'],
  runs: readonly Run[],
  secondsOf: (run: Run) => readonly Second[],
  colours: Colours,
): Chart | undefined {
  const shown = runs
    .filter((run) => run.shape === shape)
    .map((run) => ({ run, seconds: secondsOf(run) }))
    .filter(({ seconds }) => seconds.length > 1)
  if (shown.length === 0) return undefined
  const title = `Requests a second over time, ${SHAPES[shape]}`
  const ofRuns = shown.map(({ run }) => run)
  return {
    ...described(`seconds-${shape}`, title, ofRuns, RATE),
    option: {
      ...frame(title, RATE.unit),
      xAxis: { type: 'value', name: 'seconds', nameLocation: 'middle', nameGap: 28, minInterval: 1, max: 'dataMax' },
      series: shown.map(({ run: { name }, seconds }, index) => ({
        type: 'line' as const,
        name,
        color: colours.get(name) as string,
        lineStyle: { type: STROKES[index % STROKES.length] as (typeof STROKES)[number] },
        showSymbol: false,
        data: seconds.map(({ second, requests }) => [second, requests]),
      })),
    },
  }
}

/** Generic fonts, for the reader's machine may have no other; a ground of its own, for dark pages; room for what stands on the bars. */
export function frame(title: string, unit: string): EChartsOption {
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, left: 'center', top: 10, textStyle: { fontSize: 16 } },
    legend: { bottom: 8, icon: 'roundRect' },
    grid: { left: 80, right: 30, top: 70, bottom: 80 },
    yAxis: { type: 'value', name: unit, nameLocation: 'end', min: 0, boundaryGap: [0, '15%'] },
  }
}

function described(name: string, title: string, runs: readonly Run[], { of, text }: Measure) {
  const parts = runs.map((run) => {
    const { verdict } = judge(run)
    return `${run.name}, ${SHAPES[run.shape]}: ${text(of(run))}${verdict === 'valid' ? '' : ` (${verdict})`}`
  })
  return { name, title, description: `${parts.join('; ')}.`, width: WIDTH, height: HEIGHT }
}
