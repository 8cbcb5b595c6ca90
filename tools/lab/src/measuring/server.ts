/** A process that serves while something is measured: bound to its core, its words in a file, surely ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { type Command, pin } from '../generators/pin.ts'
import type { Environment } from '../settings.ts'
import { LabError } from '../stack.ts'
import { cpuTime } from '../watching/processes.ts'
import type { Means } from './sample.ts'

const READY_WITHIN_MS = 20_000
const ASK_EVERY_MS = 50
/** Bytes of what it wrote that are told where it failed. */
const LAST_WORDS = 2048

export interface ServerPlan {
  /** For errors. */
  readonly name: string
  readonly command: Command
  /** All that it sees; `PATH` is where taskset is looked for. */
  readonly environment: Environment
  readonly core: number | undefined
  /** The file that takes both its outputs, as a service manager would have it. */
  readonly log: string
  readonly url: string
  /** Rejects while it is not ready, and says why. Default: the URL is answered with 2xx. */
  readonly ready?: (url: string, signal: AbortSignal) => Promise<void>
  /** Whether it speaks with us through Node's channel. */
  readonly channel?: boolean
}

export interface Server extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pinned: boolean
  /** Seconds of CPU so far; undefined when it is gone. */
  cpuTime(): Promise<number | undefined>
}

/** @throws {LabError} where it ends or is not ready in time, with its last lines; the signal's reason where that aborts */
export async function startServer(plan: ServerPlan, signal: AbortSignal): Promise<Server> {
  signal.throwIfAborted()
  const { file, args, pinned } = pin(plan.command, plan.core, plan.environment['PATH'])
  const log = openSync(plan.log, 'w')
  const stdio = ['ignore', log, log, ...(plan.channel ? (['ipc'] as const) : [])] as const
  const child = spawn(file, args, { env: plan.environment, stdio: [...stdio] })
  closeSync(log)
  const ended = new AbortController()
  child.once('error', (error) => ended.abort(`could not be started: ${error.message}`))
  child.once('exit', (code, by) => ended.abort(`ended with ${by ?? `exit code ${code}`}`))

  const stop = async () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  const trouble = await untilReady(plan, AbortSignal.any([signal, ended.signal]))
  if (trouble !== undefined) {
    await stop()
    signal.throwIfAborted()
    const words = readFileSync(plan.log, 'utf8').slice(-LAST_WORDS).trim()
    throw new LabError(`${plan.name} ${ended.signal.aborted ? ended.signal.reason : trouble}${words && `:\n${words}`}`)
  }
  return {
    child,
    pinned,
    cpuTime: async () =>
      child.exitCode === null && child.signalCode === null ? cpuTime(child.pid as number) : undefined,
    [Symbol.asyncDispose]: stop,
  }
}

/** What serves at a port of its own. */
export interface Service extends Omit<ServerPlan, 'environment' | 'core' | 'log' | 'url'> {
  /** On 127.0.0.1, where it is ready when `/ready` is answered. */
  readonly port: number
  /** Of its environment, all but the PATH. */
  readonly settings?: Readonly<Record<string, string>>
  /** Default: any. */
  readonly core?: number | undefined
}

/** As `startServer`, for what is ready as our services are. */
export async function serve(
  { port, settings, core, ...plan }: Service,
  { environment, folder, signal }: Pick<Means, 'environment' | 'folder' | 'signal'>,
): Promise<Server & { readonly url: string }> {
  const url = `http://127.0.0.1:${port}`
  const own = { PATH: environment['PATH'], NODE_ENV: 'production', ...settings }
  const log = path.join(folder, `${port}.log`)
  const server = await startServer({ ...plan, environment: own, core, log, url: `${url}/ready` }, signal)
  return { ...server, url }
}

/** What kept it from being ready, if anything did. */
async function untilReady({ url, ready = answers }: ServerPlan, signal: AbortSignal): Promise<string | undefined> {
  let last = 'it never answered'
  for (const until = performance.now() + READY_WITHIN_MS; performance.now() < until; ) {
    if (signal.aborted) return 'ended'
    try {
      await ready(url, signal)
      return undefined
    } catch (error) {
      last = (error as Error).message
    }
    await delay(ASK_EVERY_MS)
  }
  return `was not ready within ${READY_WITHIN_MS / 1000} s; ${last}`
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  const { statusCode, body } = await request(url, { reset: true, signal, headersTimeout: READY_WITHIN_MS })
  await body.dump()
  if (statusCode < 200 || statusCode > 299) throw new Error(`it answered ${statusCode}`)
}

/** Ports that nobody listens on at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
