/** The stack under test, as its own commands give it: started here or found running. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import type { Environment } from './settings.ts'
import type { WatchedService } from './watching/watch.ts'

export const ROOT = path.resolve(import.meta.dirname, '../../..')
const COMMANDS = path.join(ROOT, 'tools/stack/src/main.ts')

/** A complaint for people: printed without a stack trace. */
export class LabError extends Error {
  override name = 'LabError'
}

export interface Stack {
  readonly stateDir: string
  /** Those in force, as texts. */
  readonly settings: Readonly<Record<string, string>>
  readonly services: readonly WatchedService[]
  /** The front door. */
  readonly url: string
  /** Runs one of the stack's commands that print a line. @throws {LabError} with what it complained of */
  readonly ask: (command: 'token' | 'database') => Promise<string>
}

/** The one of this state directory, or the one in containers. @throws {LabError} when nothing is up there */
export async function runningStack(stateDir: string, environment: Environment): Promise<Stack> {
  const ask = (command: string) => run(command, { ...clean(environment), STATE_DIR: stateDir })
  const { settings, services } = JSON.parse(await ask('describe')) as Pick<Stack, 'settings' | 'services'>
  const balancer = services.find(({ role }) => role === 'balancer')
  if (!balancer) throw new LabError('the stack that is up has no balancer; make status says more.')
  return { stateDir, settings, services, url: balancer.url, ask }
}

/** Starts a stack of our own, away from others' ports. @throws {LabError} with what `make up` said */
export async function startStack(
  stateDir: string,
  settings: Readonly<Record<string, string>>,
  environment: Environment,
): Promise<Stack> {
  const offset = settings['PORT_OFFSET'] ?? String(await freeOffset())
  const told = { ...clean(environment), SAMPLE_ITEMS: '1000', ...settings, STATE_DIR: stateDir, PORT_OFFSET: offset }
  await run('up', told)
  return runningStack(stateDir, environment)
}

/** Harmless when nothing is up. */
export async function stopStack(stateDir: string, environment: Environment): Promise<void> {
  await run('down', { ...clean(environment), STATE_DIR: stateDir })
}

/** Deletes a stopped stack's data, logs and secrets. */
export async function cleanStack(stateDir: string, environment: Environment): Promise<void> {
  await run('clean', { ...clean(environment), STATE_DIR: stateDir })
}

/** What make said to us is not meant for the stack's commands, which would refuse it. */
function clean(environment: Environment): Environment {
  const { MAKEFLAGS: _flags, MFLAGS: _old, MAKELEVEL: _level, PORT_OFFSET: _offset, ...rest } = environment
  return rest
}

/** In a process group of its own: Ctrl-C is ours to hear, and the stack is stopped by `stopStack`. */
async function run(command: string, env: Environment): Promise<string> {
  const child = spawn(process.execPath, [COMMANDS, command], { cwd: ROOT, env, detached: true })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new LabError(err.trim() || out.trim() || `the stack's ${command} ended with code ${code}`)
  return out.trim()
}

/** Ports that exist once only: if these are free, replicas find theirs. */
const FIXED = [8000, 8001, 5004, 5002]
const OFFSETS = Array.from({ length: 40 }, (_, index) => 20_000 + 100 * index)

async function freeOffset(): Promise<number> {
  for (const offset of OFFSETS) {
    if ((await Promise.all(FIXED.map((port) => isFree(port + offset)))).every(Boolean)) return offset
  }
  throw new LabError('there is no free place for a stack; give one with PORT_OFFSET.')
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = net.createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}
