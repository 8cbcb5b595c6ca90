/** `make reload`: every gateway reads its routes again, and what became of it is shown, as their logs have it. */
import { createReadStream, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { askSupervisor } from './ask-supervisor.ts'
import { printable } from './printable.ts'
import { StackError, type StateDir } from './state.ts'
import { table } from './table.ts'

/** What a gateway logs of a reload, what changed or why nothing did; or why it logs nothing. */
type Outcome = { changes: readonly string[] } | { mistakes: readonly string[] } | { silence: string }

/** New endpoints are checked for 5 s at most, and there may be a reload under way. */
const SAID_WITHIN_MS = 15_000
const POLL_MS = 50

/** Resolves to 0 where all have the routes that the file says, else to 1. @throws {StackError} with why they are refused */
export async function reload(state: StateDir): Promise<number> {
  const gateways = (state.readStack()?.services ?? []).filter(({ role }) => role === 'gateway')
  const ends = gateways.map(({ log }) => statSync(log, { throwIfNoEntry: false })?.size)
  const { reloads } = await askSupervisor(state, 'SIGHUP', (entry) => entry.reloads.ended)
  const outcomes = await Promise.all(
    gateways.map(({ name, log }, index) =>
      reloads.told.includes(name) ? said(log, ends[index] ?? 0) : { silence: 'not told: it is not ready' },
    ),
  )
  const rows = gateways.map(({ name, log }, index) => [name, shown(outcomes[index] as Outcome), log])
  process.stdout.write(`${printable(table(['gateway', 'reload', 'log'], rows))}\n`)
  const mistakes = new Set(outcomes.flatMap((outcome) => ('mistakes' in outcome ? outcome.mistakes : [])))
  if (mistakes.size > 0) throw new StackError(printable([...mistakes].join('\n')))
  return outcomes.some((outcome) => 'silence' in outcome) ? 1 : 0
}

function shown(outcome: Outcome): string {
  if ('silence' in outcome) return outcome.silence
  if ('mistakes' in outcome) return 'refused; all stays as it was'
  return outcome.changes.join(', ') || 'nothing changed'
}

/** The first that is said in a log behind `from`, in bytes. */
async function said(log: string, from: number): Promise<Outcome> {
  for (const until = performance.now() + SAID_WITHIN_MS; performance.now() < until; await delay(POLL_MS)) {
    // Behind the last line end a line may be under way.
    const lines = (await text(createReadStream(log, { start: from }))).split('\n').slice(0, -1)
    const line = lines.find((each) => /"msg":"(reloaded|the reload is refused)/.test(each))
    if (line !== undefined) return JSON.parse(line)
  }
  return { silence: `nothing said in ${SAID_WITHIN_MS / 1000} s` }
}
