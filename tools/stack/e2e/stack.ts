/** A whole stack for one end-to-end test file: started by `make up` as a user would, on ports and in a folder of its own. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'

const run = promisify(execFile)

export const root = path.resolve(import.meta.dirname, '../../..')

export interface Service {
  name: string
  role: string
  url: string
  pid: number
  log: string
  adminUrl?: string
}

export interface Answer {
  status: number
  headers: Record<string, string>
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came
  json: () => any
}

/** Sends one request and reads its whole answer. */
export async function send(
  url: string,
  options: {
    method?: string
    token?: string
    json?: unknown
    body?: string
    headers?: Record<string, string>
    signal?: AbortSignal
  } = {},
): Promise<Answer> {
  const answer = await request(url, {
    method: (options.method ?? 'GET') as 'GET',
    headers: {
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    body: options.json === undefined ? (options.body ?? null) : JSON.stringify(options.json),
    ...(options.signal ? { signal: options.signal } : {}),
    dispatcher: agent,
  })
  const text = await answer.body.text()
  return {
    status: answer.statusCode,
    headers: answer.headers as Record<string, string>,
    text,
    json: () => JSON.parse(text),
  }
}

const agent = new Agent({ connections: 256, pipelining: 0 })

/** Make must see the settings that a test gives and none of the machinery that runs the test. */
export function environment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|pnpm_|VITEST|TURBO|MAKE|MFLAGS|NODE_ENV|NODE_OPTIONS|PORT|REPORTS_DIR)/.test(name),
  )
  return { ...Object.fromEntries(inherited), ...settings }
}

/** Those a stack of the usual size has, before the offset. */
export const PORTS = [5000, 5001, 5002, 5003, 5004, 5005, 5006, 5010, 5432, 8000, 8001]

export async function listen(port: number): Promise<net.Server> {
  const server = net.createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port).catch(() => undefined)
  server?.close()
  return server !== undefined
}

export async function freeOffset(): Promise<number> {
  for (;;) {
    // Below 32,768: from there on Linux gives ports to outgoing connections, and one of those could be in the way.
    const offset = 10_000 + 10 * Math.floor(Math.random() * 1400)
    if ((await Promise.all(PORTS.map((port) => isFree(port + offset)))).every(Boolean)) return offset
  }
}

export class Stack {
  readonly stateDir: string
  readonly offset: number
  /** For whoever types commands himself. */
  readonly environment: NodeJS.ProcessEnv
  readonly #tokens = new Map<string, string>()
  readonly #started: ReturnType<typeof spawn>[] = []

  private constructor(stateDir: string, offset: number, settings: Record<string, string>) {
    this.stateDir = stateDir
    this.offset = offset
    this.environment = environment({ ...settings, STATE_DIR: stateDir, PORT_OFFSET: String(offset) })
  }

  /** A folder and ports, with nothing started. */
  static async prepare(settings: Record<string, string> = {}): Promise<Stack> {
    const parent = await mkdtemp(path.join(os.tmpdir(), 'spillway-e2e-'))
    return new Stack(path.join(parent, 'state'), await freeOffset(), settings)
  }

  /** `make up` with these settings; rejects with what it printed where it fails. */
  static async up(settings: Record<string, string> = {}): Promise<Stack> {
    const stack = await Stack.prepare(settings)
    try {
      await stack.make('up')
      return stack
    } catch (error) {
      await rm(path.dirname(stack.stateDir), { recursive: true, force: true })
      throw error
    }
  }

  /** Runs a target of the Makefile with this stack's settings. */
  async make(target: string, extra: Record<string, string> = {}): Promise<string> {
    const { stdout } = await run('make', ['-s', target], { cwd: root, env: { ...this.environment, ...extra } })
    return stdout.trim()
  }

  async down(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL')
    await this.make('down')
    await rm(path.dirname(this.stateDir), { recursive: true, force: true })
  }

  async services(role?: string): Promise<Service[]> {
    const file = JSON.parse(await readFile(path.join(this.stateDir, 'stack.json'), 'utf8')) as { services: Service[] }
    return file.services.filter((service) => role === undefined || service.role === role)
  }

  async service(name: string): Promise<Service> {
    const found = (await this.services()).find((service) => service.name === name)
    if (!found) throw new Error(`stack.json knows no ${name}`)
    return found
  }

  /** The front door, with `path` behind it. */
  url(path = ''): string {
    return `http://127.0.0.1:${8000 + this.offset}${path}`
  }

  async token(role: 'reader' | 'editor' | 'admin' = 'reader'): Promise<string> {
    let token = this.#tokens.get(role)
    if (!token) {
      token = await this.make('token', { ROLE: role })
      this.#tokens.set(role, token)
    }
    return token
  }

  /** One more gateway beside the stack's, which the balancer does not know, with `settings` of its own. */
  async gateway(settings: Record<string, string>): Promise<Service> {
    const db = await this.service('db')
    const cache = await this.service('cache')
    const child = spawn(path.join(root, 'node_modules/.bin/node'), ['apps/gateway/src/main.ts'], {
      cwd: root,
      env: {
        ...environment({}),
        PORT: '0',
        DB_URL: db.url,
        CACHE_URL: cache.url,
        SIGNING_KEYS_FILE: path.join(this.stateDir, 'secrets/signing-keys.json'),
        SPILLWAY_STATE_DIR: this.stateDir,
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#started.push(child)
    let seen = ''
    for await (const chunk of child.stdout) {
      seen += String(chunk)
      const ready = seen.split('\n').find((line) => line.includes('"msg":"ready"'))
      if (ready) {
        child.stdout.resume()
        return {
          name: settings['INSTANCE'] ?? 'gateway',
          role: 'gateway',
          url: JSON.parse(ready).urls[0],
          pid: child.pid ?? 0,
          log: '',
        }
      }
    }
    throw new Error(`the gateway did not start:\n${seen}`)
  }

  /** The sum of a metric's samples whose labels include `labels`. */
  async metric(service: Service, name: string, labels = ''): Promise<number> {
    const { text } = await send(`${service.adminUrl ?? service.url}/metrics`)
    const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(labels))
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }
}

/** Polls until `condition` holds; for what another process does in its own time. */
export async function until(what: string, condition: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
