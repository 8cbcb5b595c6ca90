/** A whole stack for an end-to-end test file: started by `make up` as a user would, on ports and in a folder of its own. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { Agent, request } from 'undici'
import { freeOffset } from './ports.ts'

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

/** What one stack has compiled, the next need not: a cold start of a dozen processes costs half as much again. */
export const compileCache = path.join(root, 'node_modules/.cache/spillway-e2e')

/** As few processes as a stack can have, for tests that are about none of them. */
export const SMALL = { GATEWAYS: '1', MICROSERVICES: '1', PROCESSES: '1' }

/** Make must see the settings that a test gives and none of the machinery that runs the test. */
export function environment(settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|pnpm_|VITEST|TURBO|MAKE|MFLAGS|NODE_ENV|NODE_OPTIONS|PORT|REPORTS_DIR)/.test(name),
  )
  return {
    ...Object.fromEntries(inherited),
    NODE_COMPILE_CACHE: compileCache,
    // A machine that is busy with tests is no reason for a gateway to refuse what they ask.
    SHED_LAG: '0s',
    // What make itself has brought, npx need not ask the registry for: where that is not reached it tries for 70 s.
    npm_config_prefer_offline: 'true',
    ...settings,
  }
}

/** `make down` and, when it says so, Ctrl-C, which skips the front door's drain: nobody is left whom it would serve. */
export async function stop(stateDir: string): Promise<void> {
  const child = spawn('make', ['-s', 'down'], {
    cwd: root,
    env: environment({ STATE_DIR: stateDir }),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let said = ''
  for await (const chunk of child.stdout) {
    said += chunk
    // As a terminal does: to make and all it started.
    if (String(chunk).includes('Ctrl-C skips')) process.kill(-(child.pid as number), 'SIGINT')
  }
  if (!/^(Stopped|Nothing is up)/m.test(said)) throw new Error(`make down did not stop ${stateDir}: ${said}`)
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
      await stack.down()
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
    await stop(this.stateDir)
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

  /** Resolves when every process answers and every gateway is in use. */
  async whole(): Promise<void> {
    const isWhole = async () => {
      await this.make('status')
      const { adminUrl } = await this.service('balancer')
      const { endpoints } = (await send(`${adminUrl}/upstreams`)).json()
      return endpoints.every(({ available }: { available: boolean }) => available)
    }
    await until('the stack is whole', isWhole, 30_000)
  }

  async accounts(): Promise<{ username: string; password: string }[]> {
    return JSON.parse(await readFile(path.join(this.stateDir, 'secrets/accounts.json'), 'utf8'))
  }

  async token(role: 'reader' | 'editor' | 'admin' = 'reader'): Promise<string> {
    let token = this.#tokens.get(role)
    if (!token) {
      const account = (await this.accounts()).find(({ username }) => username === role)
      const json = { username: role, password: account?.password }
      token = (await send(this.url('/login'), { method: 'POST', json })).json().token as string
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
