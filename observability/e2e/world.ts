/** What the queries are asked of: a stack started by `make up`, a Prometheus that scrapes it, and faults planted in both. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'

const ROOT = path.resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0
export const hasK6 = spawnSync('k6', ['version']).status === 0

interface Service {
  name: string
  role: string
  url: string
  adminUrl?: string
  pid: number
}

/** A series of a range query. */
export interface Series {
  metric: Record<string, string>
  values: [number, string][]
}

export class World {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'spillway-observed-'))
  readonly #children: ChildProcess[] = []
  readonly #remote: http.Server
  readonly #environment: NodeJS.ProcessEnv
  readonly #prometheus: string
  readonly url: string
  /** What the remote upstream answers. */
  remoteStatus = 200

  private constructor(remote: http.Server, offset: number, prometheusPort: number) {
    this.#remote = remote
    this.#prometheus = `http://127.0.0.1:${prometheusPort}`
    this.url = `http://127.0.0.1:${8000 + offset}`
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|pnpm_|VITEST|TURBO|MAKE|MFLAGS|NODE_ENV|NODE_OPTIONS|PORT|REPORTS_DIR)/.test(name),
    )
    this.#environment = {
      ...Object.fromEntries(inherited),
      STATE_DIR: path.join(this.#folder, 'state'),
      PORT_OFFSET: String(offset),
      GATEWAYS: '2',
      MICROSERVICES: '1',
      CACHE_TTL: '1s',
      REMOTE_URL: `http://127.0.0.1:${(remote.address() as net.AddressInfo).port}`,
    }
  }

  static async start(): Promise<World> {
    const remote = http.createServer((_request, response) => response.writeHead(world.remoteStatus).end('remote'))
    remote.listen(0, '127.0.0.1')
    await once(remote, 'listening')
    const world = new World(remote, await freeOffset(), await freePort())
    try {
      await world.make('up')
      await world.#startPrometheus()
    } catch (error) {
      await world.stop()
      throw error
    }
    return world
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    await this.make('down')
    this.#remote.close()
    this.#remote.closeAllConnections()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async make(target: string, settings: Record<string, string> = {}): Promise<string> {
    const { stdout } = await run('make', ['-s', target], { cwd: ROOT, env: { ...this.#environment, ...settings } })
    return stdout.trim()
  }

  services(): Service[] {
    const file = path.join(this.#folder, 'state/stack.json')
    return (JSON.parse(readFileSync(file, 'utf8')) as { services: Service[] }).services
  }

  /** The last `seconds` of an expression, a point a second. @throws {Error} with what Prometheus complained of */
  async range(expression: string, seconds: number): Promise<Series[]> {
    const end = Date.now() / 1000
    const query = new URLSearchParams({ query: expression, start: `${end - seconds}`, end: `${end}`, step: '1' })
    const answer = await fetch(`${this.#prometheus}/api/v1/query_range?${query}`)
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: Series[] } }
    if (body.status !== 'success') throw new Error(body.error ?? `Prometheus answered ${answer.status}`)
    return body.data?.result ?? []
  }

  /** The sum over all series now; 0 where there is none. */
  async now(expression: string): Promise<number> {
    const series = await this.range(expression, 0)
    return series.reduce((sum, { values }) => sum + Number(values.at(-1)?.[1] ?? 0), 0)
  }

  /** Asks the stack by k6 for some seconds, which tells this Prometheus what it measures. */
  async k6(seconds: number, token: string): Promise<void> {
    const settings = { BASE_URL: this.url, TOKEN: token, SHAPE: 'closed', USERS: '2', DURATION: `${seconds}s` }
    const env = {
      ...this.#environment,
      ...settings,
      K6_PROMETHEUS_RW_SERVER_URL: `${this.#prometheus}/api/v1/write`,
      K6_PROMETHEUS_RW_TREND_STATS: 'p(95)',
      K6_PROMETHEUS_RW_PUSH_INTERVAL: '1s',
      K6_NO_USAGE_REPORT: 'true',
    }
    await run('k6', ['run', '--quiet', '--out', 'experimental-prometheus-rw', 'k6/scenarios/hit.ts'], {
      cwd: ROOT,
      env,
    })
  }

  /** With the rules that are shipped, and a scrape a second: what takes a minute in the containers takes twelve seconds here. */
  async #startPrometheus(): Promise<void> {
    const services = this.services().filter(({ role }) => role !== 'postgres')
    const roles = Map.groupBy(services, ({ role }) => role)
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [path.join(ROOT, 'observability/prometheus/rules/*.yml')],
      scrape_configs: [...roles].map(([role, replicas]) => ({
        job_name: role,
        static_configs: [{ targets: replicas.map(({ url, adminUrl }) => new URL(adminUrl ?? url).host) }],
      })),
    }
    const file = path.join(this.#folder, 'prometheus.yml')
    writeFileSync(file, stringify(config))
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(this.#folder, 'prometheus')}`,
      `--web.listen-address=${new URL(this.#prometheus).host}`,
      '--web.enable-remote-write-receiver',
      '--log.level=error',
    ]
    this.#children.push(spawn('prometheus', args, { stdio: ['ignore', 'inherit', 'inherit'] }))
    await until('every replica scraped', async () => (await this.now('sum(up)')) === services.length)
  }
}

/** Polls until `condition` holds. */
export async function until(what: string, condition: () => Promise<boolean>, withinMs = 40_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function freePort(port = 0): Promise<number> {
  const server = net.createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: found } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return found
}

/** Those a stack has, before the offset. */
const PORTS = [5000, 5001, 5002, 5003, 5004, 5005, 5432, 8000, 8001]

async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 10_000 + 10 * Math.floor(Math.random() * 1400)
    const free = await Promise.allSettled(PORTS.map((port) => freePort(port + offset)))
    if (free.every(({ status }) => status === 'fulfilled')) return offset
  }
}
