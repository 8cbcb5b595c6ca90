/** A gateway in a process of its own, as far as the cache is concerned: reads through it; writes to the origin, then purges. */
import { createCacheClient, type Fill, freshOnly } from '@spillway/cache-client'

export interface Command {
  readonly id: number
  readonly do: 'read' | 'write' | 'state'
  readonly key: string
}

/** `how`: the reading's outcome, with its tier. */
export type Told = { readonly id: number } & ({ version: number; how: string } | { error: string })

const LIFETIME_MS = 30_000
/** So that an entry is as large as a small page. */
const PADDING = 'x'.repeat(2000)

const [url, origin] = process.argv.slice(2) as [string, string]
const client = createCacheClient({ url, instance: `gateway-${process.pid}`, logger: { info() {}, warn() {} } })

const ask = async (method: 'GET' | 'POST', key: string) => {
  const answer = await fetch(`${origin}/${key}`, { method })
  return Number(await answer.text())
}

/** Its body begins with the version, as `version=7;`. */
function fillOf(key: string): Fill {
  return async () => {
    const at = performance.now()
    const body = Buffer.from(`version=${await ask('GET', key)};${PADDING}`)
    const tags = [`url:${key}`]
    const used = { windows: freshOnly(LIFETIME_MS), ageMs: 0, at, fillMs: performance.now() - at }
    const entry = { key, status: 200, headers: [], body, ...used, tags, vary: [] }
    return { outcome: 'cacheable', entry }
  }
}

async function read(key: string): Promise<{ version: number; how: string }> {
  const reading = await client.read(key, `url:${key}`, fillOf(key), AbortSignal.timeout(30_000))
  if (reading.outcome === 'failed') throw new Error(reading.error)
  if (!('entry' in reading)) return { version: await ask('GET', key), how: reading.outcome }
  const [, version] = /^version=(\d+);/.exec(reading.entry.body.toString('latin1', 0, 32)) ?? []
  return { version: Number(version), how: 'tier' in reading ? reading.tier : reading.outcome }
}

async function write(key: string): Promise<{ version: number; how: string }> {
  const version = await ask('POST', key)
  await client.purge({ tags: [`url:${key}`] })
  return { version, how: 'written' }
}

const commands: Record<Command['do'], (key: string) => Promise<{ version: number; how: string }>> = {
  read,
  write,
  state: async () => ({ version: 0, how: client.state.live ? 'live' : 'away' }),
}

process.on('message', ({ id, do: what, key }: Command) => {
  const tell = (told: Told) => process.send?.(told)
  commands[what](key).then(
    (result) => tell({ id, ...result }),
    (error: Error) => tell({ id, error: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
