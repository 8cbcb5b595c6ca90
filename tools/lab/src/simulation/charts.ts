/** What the charts of the simulations show: how policies fare with the number of balancers, and in worlds that are not well. */
import { policyNames } from '@spillway/upstreams'
import { counted, figure, milliseconds, percent, whole } from '../judging/figures.ts'
import { type Chart, COLOURS, frame, HEIGHT, STROKES, WIDTH } from '../reporting/chart.ts'
import type { Row } from './row.ts'
import { WORLDS, type WorldName } from './worlds.ts'

interface Measure {
  readonly unit: string
  readonly of: (row: Row) => number
  readonly text: (value: number) => string
  /** Whether the axis is logarithmic. */
  readonly log?: boolean
}

const P99: Measure = { unit: 'p99 in ms', of: ({ p99 }) => p99, text: milliseconds }
const MOST: Measure = { unit: 'requests in flight', of: ({ mostInFlight }) => mostInFlight, text: whole }
const FAILED: Measure = { unit: '% failed', of: ({ failed }) => 100 * failed, text: (value) => percent(value / 100) }
const FIRST: Measure = { unit: 'even shares', of: ({ odd = 0 }) => odd, text: figure }
/** So far above the others that nothing else could be told. */
const APART = 'least-latency'

export function charts(rows: readonly Row[]): Chart[] {
  const sizes = [...new Set(rows.map(({ endpoints }) => endpoints))]
  return sizes.flatMap((endpoints) => {
    const of = (world: WorldName) => rows.filter((row) => row.endpoints === endpoints && row.world === world)
    const chart = (name: string, about: string, shown: readonly Row[], measure: Measure, by = balancersOf) =>
      drawn({ name: `${name}-${endpoints}`, title: `${about}, ${whole(endpoints)} endpoints` }, shown, measure, by)
    const calm = of('equal-80').filter(({ policy }) => policy !== APART)
    const many = Math.max(...rows.map(({ balancers }) => balancers))
    const newest = [...of('new'), ...of('new-slow-start')].filter(({ balancers }) => balancers === many)
    return [
      chart('p99', 'p99 at 80 % load', calm, P99),
      chart('herding', 'Most in flight at one endpoint, 80 % load', calm, MOST),
      chart('slow', 'p99, a tenth of them ten times slower', of('slow-tenth'), { ...P99, log: true }),
      chart(
        'failing',
        'One that fails fast',
        of('failing').filter(({ policy }) => policy !== APART),
        FAILED,
      ),
      chart('new', `The first second of a new endpoint, ${counted(many, 'balancer')}`, newest, FIRST, worldOf),
    ]
  })
}

const balancersOf = ({ balancers }: Row) => counted(balancers, 'balancer')
const worldOf = ({ world }: Row) => WORLDS[world].about.replace(/^one endpoint is |, .*$/g, '')

/** For each policy a line over balancers, or a bar for each world. */
function drawn(
  named: Pick<Chart, 'name' | 'title'>,
  rows: readonly Row[],
  { unit, of, text, log = false }: Measure,
  by: (row: Row) => string,
): Chart {
  const places = [...new Set(rows.map(by))]
  const series = policyNames.flatMap((policy, index) => {
    const own = rows.filter((row) => row.policy === policy)
    if (own.length === 0) return []
    const data = places.map((place) => own.filter((row) => by(row) === place).map(of)[0] ?? Number.NaN)
    const looks = { name: policy, color: COLOURS[index] as string, data }
    const lineStyle = { type: STROKES[index % STROKES.length] as (typeof STROKES)[number] }
    return by === worldOf ? { type: 'bar' as const, ...looks } : { type: 'line' as const, ...looks, lineStyle }
  })
  const parts = series.map(({ name, data }) => `${name}: ${data.map(text).join(', ')}`)
  return {
    ...named,
    description: `${places.join(', ')}. ${parts.join('; ')}.`,
    width: WIDTH,
    height: HEIGHT,
    option: {
      ...frame(named.title, unit),
      xAxis: { type: 'category', data: places, axisTick: { show: false }, axisLabel: { fontSize: 13 } },
      ...(log ? { yAxis: { type: 'log', name: unit, nameLocation: 'end', min: 100 } } : {}),
      series,
    },
  }
}
