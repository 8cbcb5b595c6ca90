/** A gateway in a process of its own, so that it can be stopped, resumed and killed: reads and purges as its parent says. */
import { openCache } from '../src/index.ts'
import { cacheable, never } from './scripted-service.ts'

export type Command =
  | { readonly id: number; readonly do: 'read'; readonly value: string; readonly hold?: boolean }
  | { readonly id: number; readonly do: 'peek' }
  | { readonly id: number; readonly do: 'purge' }

const logger = { info() {}, warn() {} }
// Longer than a session: a loaded machine is not to be taken for a cache that is away.
const client = await openCache({ url: process.argv[2] as string, instance: 'child', logger, verdictMs: 3000 })
const timer = setInterval(() => {
  if (!client.state.live) return
  clearInterval(timer)
  process.send?.({ id: 0 })
}, 5)

async function perform(command: Command): Promise<unknown> {
  if (command.do === 'purge') return client.purge({ tags: ['url:k'] })
  if (command.do === 'peek') return client.peek('k')?.body.toString() ?? 'nothing'
  const reading = await client.read(
    'k',
    'url:k',
    async () => {
      process.send?.({ id: command.id, filling: true })
      if (command.hold) await new Promise(() => {})
      return cacheable('k', command.value, { at: performance.now() })
    },
    never,
  )
  return 'entry' in reading && reading.entry ? reading.entry.body.toString() : reading.outcome
}

process.on('message', (command: Command) => {
  perform(command).then(
    (result) => process.send?.({ id: command.id, result: result ?? 'done' }),
    (error: Error) => process.send?.({ id: command.id, error: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
