/** Under which conditions something was measured, and what of them speaks against the figures. */
import { isPinned } from '../generators/pin.ts'
import { megabytes, whole } from '../judging/figures.ts'
import { markdownTable } from '../reporting/table.ts'
import type { Machine } from '../run.ts'
import type { Settings } from '../settings.ts'
import type { Cores } from './cores.ts'

export interface Conditions {
  /** That makes it again. */
  readonly command: string
  readonly startedAt: string
  readonly machine: Machine
  /** Of the last minute, before the first row and after the last. */
  readonly loadAverage: { readonly before: number; readonly after: number }
  readonly cores: Cores
  readonly versions: Readonly<Record<string, string>>
  /** What a reader must know before the figures. */
  readonly notes: readonly string[]
}

/** @param others who have their cores beside the contender, such as `client, upstreams` */
export function conditionsTable({ machine, cores, versions, loadAverage }: Conditions, others: string): string {
  const core = (number: number | undefined) => (number === undefined ? 'any' : String(number))
  return markdownTable(
    ['', ''],
    [],
    [
      ['CPU', machine.cpu],
      ['cores', whole(machine.cores)],
      ['memory', megabytes(machine.memory)],
      ['system', machine.system],
      ['commit', machine.commit],
      [`contender, ${others} on core`, [cores.contender, cores.client, cores.upstreams].map(core).join(', ')],
      ['load average before, after', `${loadAverage.before.toFixed(2)}, ${loadAverage.after.toFixed(2)}`],
      ...Object.entries(versions),
    ],
  )
}

/** Less than this of a row, in all, is good for seeing that it works. */
const FEWEST_ROUNDS = 3
const USUAL_MS = 10_000

export function isShort({ DURATION = USUAL_MS, ROUNDS }: Pick<Settings, 'DURATION' | 'ROUNDS'>): boolean {
  return ROUNDS < FEWEST_ROUNDS || ROUNDS * DURATION < FEWEST_ROUNDS * USUAL_MS
}

export interface Circumstances {
  readonly isShort: boolean
  /** With its version. */
  readonly client: string
  readonly cores: Cores
  readonly loadBefore: number
  /** Where taskset is looked for. */
  readonly path: string | undefined
}

export function doubtsOf({ isShort, client, cores, loadBefore, path }: Circumstances): string[] {
  return [
    ...(isShort ? ['This run was short: it shows that everything works, and its figures are not to be quoted.'] : []),
    ...(loadBefore > 0.5
      ? [`The machine had other work: its load average was ${loadBefore.toFixed(2)} before the first row.`]
      : []),
    ...(cores.contender === undefined ? ['There is one core, which contender, client and upstreams shared.'] : []),
    ...(cores.contender !== undefined && !isPinned(cores.contender, path)
      ? ['There is no taskset here: nobody was bound to a core, so rates are not those of one core.']
      : []),
    ...(client.startsWith('wrk')
      ? []
      : [`wrk is not installed: ${client} asked, which limits sooner and tells whole milliseconds.`]),
  ]
}
