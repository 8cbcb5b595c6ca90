/** The services this one calls, as real processes on ports of their own; each test that starts one ends it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

export interface Service {
  url: string
  pid: number
  /** Its log lines. */
  logged: readonly Record<string, unknown>[]
  /** Ends the process and resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const apps = path.join(import.meta.dirname, '../..')

/** Starts `apps/ENTRY`, such as `db/src/main.ts`, and waits until it says that it is ready. */
export async function startService(entry: string, environment: Record<string, string> = {}): Promise<Service> {
  const child = launch(entry, { PORT: '0', ...environment })
  const ended = once(child, 'exit')
  const said: string[] = []
  const logged: Record<string, unknown>[] = []
  child.stderr.on('data', (chunk) => said.push(String(chunk)))
  const ready = Promise.withResolvers<string>()
  createInterface(child.stdout).on('line', (line) => {
    said.push(line)
    const { msg, urls, ...more } = JSON.parse(line) as { msg: string; urls?: string[] }
    logged.push({ msg, ...more })
    if (msg === 'ready' && urls?.[0]) ready.resolve(urls[0])
  })
  void ended.then(() => ready.reject(new Error(`${entry} ended:\n${said.join('\n')}`)))
  const url = await ready.promise
  return {
    url,
    pid: child.pid as number,
    logged,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}

/** Runs `apps/ENTRY` to its end. */
export async function runToEnd(entry: string, environment: Record<string, string>, args: readonly string[] = []) {
  const child = launch(entry, environment, args)
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

function launch(entry: string, environment: Record<string, string>, args: readonly string[] = []) {
  return spawn(process.execPath, [path.join(apps, entry), ...args], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
