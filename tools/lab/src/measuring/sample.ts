/** A server measured under a closed load: what it carried on its core, and what a request cost it. */
import { request } from 'undici'
import type { Environment } from '../settings.ts'
import { LabError } from '../stack.ts'
import type { Asked, Client, ClientLoad } from './client.ts'
import { type CoreUse, coreTime, coreUse } from './core-time.ts'
import type { Cores } from './cores.ts'
import type { Server } from './server.ts'

/** So that what is compiled and connected when first used does not count; no longer than the load itself. */
const WARM_UP_S = 3

/** What one round of one contender in one case gave. */
export interface Sample {
  readonly case: string
  readonly contender: string
  /** Counted from 1. */
  readonly round: number
  /** Missing where nothing could be measured. */
  readonly load?: ClientLoad
  /** Seconds of CPU that the contender used meanwhile, in user and system mode. */
  readonly cpu?: number
  /** What its core did meanwhile; missing where the system does not tell. */
  readonly core?: CoreUse
  /** Why it is not to be believed. */
  readonly faults: readonly string[]
}

export interface Means {
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly cores: Cores
  /** An absolute path: where configurations and logs go. */
  readonly folder: string
  readonly say: (line: string) => void
}

/** Whoever goes first in one round goes last in the next. */
export function rotated<T>(all: readonly T[], by: number): T[] {
  const first = all.length === 0 ? 0 : by % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/** Where the load goes, what is asked, by whom and for how long. */
export interface Measuring extends Means {
  readonly client: Client
  readonly seconds: number
  readonly asked: Asked
  /** What is asked before it counts. Default: the same; `false` of one that has been asked before. */
  readonly warmUp?: Asked | false
  /** Looks at one answer whole, which no client under load does. Default: over HTTP. */
  readonly look?: (url: string, asked: Asked) => Promise<string[]>
}

/** @throws what is neither a server's fault nor a client's */
export async function measured(
  row: Pick<Sample, 'case' | 'contender' | 'round'>,
  start: () => Promise<Served>,
  plan: Measuring,
): Promise<Sample> {
  try {
    await using server = await start()
    const { client, cores, folder, environment, signal, asked, warmUp = asked, look = probe } = plan
    const { url } = server
    const common = { core: cores.client, folder, environment: { PATH: environment['PATH'] }, signal }
    const load = (what: Asked, seconds: number) =>
      client.load({ ...common, url: url + what.answer.path, asked: what, seconds })
    if (warmUp) await load(warmUp, Math.min(WARM_UP_S, plan.seconds))
    const wrong = await look(url, asked)
    const from = await reading(server, cores)
    const seen = await load(asked, plan.seconds)
    const to = await reading(server, cores)
    if (from.cpu === undefined || to.cpu === undefined)
      return { ...row, load: seen, faults: ['the contender ended meanwhile'] }
    const cpu = to.cpu - from.cpu
    const core = from.core && to.core && coreUse(from.core, to.core, cpu, (to.at - from.at) / 1000)
    const faults = [...wrong, ...faultsOf(seen, asked), ...((await server.faults?.()) ?? [])]
    return { ...row, load: seen, cpu, ...(core ? { core } : {}), faults }
  } catch (error) {
    if (plan.signal.aborted || !(error instanceof LabError)) throw error
    return { ...row, faults: [error.message] }
  }
}

export interface Served extends Server {
  readonly url: string
  /** What it says against itself after the load. */
  faults?(): Promise<string[]>
}

async function reading(server: Server, { contender }: Cores) {
  return {
    at: performance.now(),
    cpu: await server.cpuTime(),
    core: await coreTime(server.pinned ? contender : undefined),
  }
}

async function probe(url: string, { method, sends, headers, answer, numbered }: Asked): Promise<string[]> {
  const type = sends > 0 ? { 'content-type': 'text/plain' } : {}
  const sent = { headers: { ...headers, ...type }, ...(sends > 0 ? { body: 'x'.repeat(sends) } : {}) }
  try {
    const { statusCode, body } = await request(`${url}${answer.path}${numbered?.first ?? ''}`, {
      method,
      reset: true,
      ...sent,
    })
    const text = await body.text()
    if (statusCode !== 200) return [`an answer had the status ${statusCode}`]
    return text === answer.body ? [] : [`an answer had ${text.length} B, not the ${answer.body.length} B expected`]
  } catch (error) {
    return [`a request was not answered: ${(error as Error).message}`]
  }
}

/** A head is never as long as this. */
const HEAD_BYTES = 2048

/** What a client's figures say against themselves. */
export function faultsOf(load: ClientLoad, { connections, answer }: Asked): string[] {
  if (load.requests === 0) return ['nothing was answered']
  const { length } = answer.body
  // Those under way at the end have been read in part.
  const most = (load.requests + connections) * (length + HEAD_BYTES)
  const isWrong = load.bytes < load.requests * length || load.bytes > most
  return [
    ...Object.entries(load.failures).map(([kind, count]) => `${count} x ${kind}`),
    ...(isWrong ? [`answers had ${Math.round(load.bytes / load.requests)} B on average, heads included`] : []),
  ]
}

export function inWords({ load, faults }: Sample): string {
  const rate = load ? `${Math.round(load.requests / load.seconds)} requests a second` : 'not measured'
  return faults.length > 0 ? `${rate}, INVALID: ${faults.join('; ')}` : rate
}
