/** Workers and db services as real processes on ports of their own; each test that starts one ends it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

export interface Service {
  url: string
  /** What it logged so far, a line each. */
  log: readonly string[]
  /** For stopping and continuing it. */
  signal(signal: NodeJS.Signals): void
  /** Ends the process and resolves with its exit code, or what killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

const apps = path.join(import.meta.dirname, '../..')

/** Starts `apps/ENTRY`, such as `worker/src/main.ts`, and waits until it says that it is ready. */
export async function startProcess(entry: string, environment: Record<string, string>): Promise<Service> {
  const child = launch(entry, { PORT: '0', LOG_LEVEL: 'debug', ...environment })
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  const log: string[] = []
  child.stderr.on('data', (chunk) => log.push(String(chunk)))
  const ready = Promise.withResolvers<string>()
  createInterface(child.stdout).on('line', (line) => {
    log.push(line)
    const { msg, urls } = JSON.parse(line) as { msg: string; urls?: string[] }
    if (msg === 'ready' && urls?.[0]) ready.resolve(urls[0])
  })
  void ended.then(() => ready.reject(new Error(`${entry} ended:\n${log.join('\n')}`)))
  const url = await ready.promise
  return {
    url,
    log,
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs `apps/ENTRY` to its end. */
export async function runToEnd(entry: string, environment: Record<string, string>): Promise<void> {
  const child = launch(entry, environment)
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${entry} ended with ${code}:\n${output}`)
}

function launch(entry: string, environment: Record<string, string>) {
  return spawn(process.execPath, [path.join(apps, entry)], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
