/** The part "forwarding": what each contender carries on one core, one at a time, and what a request costs it. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { DriverError } from '../plan.ts'
import type { Environment } from '../settings.ts'
import { LabError } from '../stack.ts'
import type { Client, ClientLoad } from './client.ts'
import { nginxFixed } from './configs.ts'
import type { Contender } from './contenders.ts'
import { type CoreUse, coreTime, coreUse } from './core-time.ts'
import type { Cores } from './cores.ts'
import { ANSWERS, type Case } from './fixed.ts'
import { freePorts, type Server, startServer } from './server.ts'

const UPSTREAMS = 2
/** So that what is compiled and connected when first used does not count; no longer than the load itself. */
const WARM_UP_S = 3
const FIXED_UPSTREAMS = fileURLToPath(import.meta.resolve('./processes/fixed-upstreams.ts'))

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

export interface Forwarding extends Means {
  readonly contenders: readonly Contender[]
  readonly cases: readonly Case[]
  readonly client: Client
  /** The program that is to be the upstreams; Node where there is none. */
  readonly nginx?: string
  readonly rounds: number
  readonly seconds: number
}

/** Contenders take turns within each round, and each row has a fresh process: what the machine does meanwhile hits all. */
export async function measureForwarding(plan: Forwarding): Promise<Sample[]> {
  const ports = await freePorts(UPSTREAMS)
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  await using _upstreams = await startUpstreams(ports, plan)
  const samples: Sample[] = []
  for (let round = 1; round <= plan.rounds; round++) {
    for (const asked of plan.cases) {
      for (const contender of rotated(plan.contenders, round - 1)) {
        const sample = await measure(plan, contender, asked, round, origins)
        samples.push(sample)
        plan.say(`  ${asked.name}, round ${round}, ${contender.name}: ${inWords(sample)}`)
      }
    }
  }
  return samples
}

/** Whoever goes first in one round goes last in the next. */
export function rotated<T>(all: readonly T[], by: number): T[] {
  const first = all.length === 0 ? 0 : by % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

function startUpstreams(ports: readonly number[], plan: Forwarding): Promise<Server> {
  const { folder, nginx, environment, cores, signal } = plan
  const common = {
    name: 'the upstreams',
    environment: { PATH: environment['PATH'] },
    core: cores.upstreams,
    log: path.join(folder, 'upstreams.log'),
    url: `http://127.0.0.1:${ports[0]}/ready`,
  }
  if (!nginx) {
    const command = { file: process.execPath, args: [FIXED_UPSTREAMS, ...ports.map(String)] }
    return startServer({ ...common, command }, signal)
  }
  const config = path.join(folder, 'upstreams-nginx.conf')
  writeFileSync(config, nginxFixed(ports, ANSWERS))
  for (const { path: name, body, inFile } of ANSWERS) if (inFile) writeFileSync(path.join(folder, name), body)
  return startServer({ ...common, command: { file: nginx, args: ['-p', folder, '-c', config] } }, signal)
}

async function measure(
  plan: Forwarding,
  contender: Contender,
  asked: Case,
  round: number,
  upstreams: readonly string[],
): Promise<Sample> {
  const row = { case: asked.name, contender: contender.name, round }
  try {
    await using server = await startContender(contender, upstreams, plan)
    const url = server.url + asked.answer.path
    const { client, cores, folder, environment, signal } = plan
    const asking = { url, asked, core: cores.client, folder, environment: { PATH: environment['PATH'] }, signal }
    await client.load({ ...asking, seconds: Math.min(WARM_UP_S, plan.seconds) })
    const wrong = await probe(url, asked)
    const from = await reading(server, cores)
    const load = await client.load({ ...asking, seconds: plan.seconds })
    const to = await reading(server, cores)
    if (from.cpu === undefined || to.cpu === undefined)
      return { ...row, load, faults: ['the contender ended meanwhile'] }
    const cpu = to.cpu - from.cpu
    const core = from.core && to.core && coreUse(from.core, to.core, cpu, (to.at - from.at) / 1000)
    return { ...row, load, cpu, ...(core ? { core } : {}), faults: [...wrong, ...faultsOf(load, asked)] }
  } catch (error) {
    if (plan.signal.aborted || !(error instanceof LabError || error instanceof DriverError)) throw error
    return { ...row, faults: [error.message] }
  }
}

async function reading(server: Server, { contender }: Cores) {
  return {
    at: performance.now(),
    cpu: await server.cpuTime(),
    core: await coreTime(server.pinned ? contender : undefined),
  }
}

export async function startContender(
  contender: Contender,
  upstreams: readonly string[],
  { folder, environment, cores, signal }: Means,
): Promise<Server & { readonly url: string }> {
  const [port = 0] = await freePorts(1)
  const { settings, ...command } = contender.launch({ port, upstreams, folder })
  const url = `http://127.0.0.1:${port}`
  const server = await startServer(
    {
      name: contender.name,
      command,
      environment: { PATH: environment['PATH'], NODE_ENV: 'production', ...settings },
      core: cores.contender,
      log: path.join(folder, 'contender.log'),
      url: `${url}/ready`,
    },
    signal,
  )
  return { ...server, url }
}

/** One answer looked at whole, which no client under load does. */
async function probe(url: string, { method, sends, answer }: Case): Promise<string[]> {
  const sent = sends > 0 ? { body: 'x'.repeat(sends), headers: { 'content-type': 'text/plain' } } : {}
  try {
    const { statusCode, body } = await request(url, { method, reset: true, ...sent })
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
export function faultsOf(load: ClientLoad, { connections, answer }: Case): string[] {
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

function inWords({ load, faults }: Sample): string {
  const rate = load ? `${Math.round(load.requests / load.seconds)} requests a second` : 'not measured'
  return faults.length > 0 ? `${rate}, INVALID: ${faults.join('; ')}` : rate
}
