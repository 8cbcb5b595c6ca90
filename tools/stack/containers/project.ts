/** A stack in containers for the tests here: started by `make compose-up` as a user would, under a name and on ports of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Pool } from 'undici'
import { freePort } from '../e2e/ports.ts'
import { environment, until as poll, root } from '../e2e/stack.ts'

const execute = promisify(execFile)
const PORTS = ['BALANCER_PORT', 'ADMIN_PORT', 'PROMETHEUS_PORT', 'GRAFANA_PORT'] as const

export interface Inspected {
  Id: string
  Name: string
  RestartCount: number
  State: { Status: string; Pid: number; ExitCode: number; Health?: { Status: string } }
  Config: { Image: string; User: string; Labels: Record<string, string> }
  HostConfig: {
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    CapAdd: string[] | null
    SecurityOpt: string[] | null
    Memory: number
    PidsLimit: number | null
    RestartPolicy: { Name: string }
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]> | null
  }
}

export class Project {
  readonly name = `spillway-test-${process.pid}`
  readonly ports: Readonly<Record<(typeof PORTS)[number], number>>
  readonly #environment: NodeJS.ProcessEnv

  private constructor(ports: Project['ports'], settings: Record<string, string>) {
    this.ports = ports
    const own = Object.fromEntries(PORTS.map((name) => [name, String(ports[name])]))
    // A state directory would mean the other kind of stack.
    this.#environment = environment({ ...own, ...settings, COMPOSE_PROJECT_NAME: this.name, STATE_DIR: undefined })
  }

  /** With nothing started. */
  static async prepare(settings: Record<string, string>): Promise<Project> {
    // One that Docker chooses would be another one after each restart.
    const ports = await Promise.all(PORTS.map(async (name) => [name, await freePort()] as const))
    return new Project(Object.fromEntries(ports) as Project['ports'], settings)
  }

  /** Runs a target of the Makefile. */
  make(target: string, settings: Record<string, string> = {}): Promise<string> {
    return this.#run('make', ['-s', target], settings)
  }

  compose(...args: string[]): Promise<string> {
    return this.#run('docker', ['compose', ...args])
  }

  docker(...args: string[]): Promise<string> {
    return this.#run('docker', args)
  }

  /** The front door, with `path` behind it. */
  url(path = ''): string {
    return `http://127.0.0.1:${this.ports.BALANCER_PORT}${path}`
  }

  /** Those of one service, or all, one-shots among them. */
  async containers(service?: string): Promise<Inspected[]> {
    const ids = await this.compose('ps', '--all', '--quiet', ...(service ? [service] : []))
    if (ids === '') return []
    return JSON.parse(await this.docker('inspect', ...ids.split('\n'))) as Inspected[]
  }

  /** SIGKILL for its first process, from outside: Docker's own `kill` would keep it from being started again. */
  async kill(container: Inspected): Promise<void> {
    const script = `process.kill(${container.State.Pid}, 'SIGKILL')`
    await this.docker('run', '--rm', '--pid=host', '--user=root', '--entrypoint=node', 'spillway', '-e', script)
  }

  /** What the balancer knows of its gateways. */
  async gateways(): Promise<{ origin: string; available: boolean; requests: number }[]> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.ADMIN_PORT}/upstreams`)
    return ((await answer.json()) as { endpoints: { origin: string; available: boolean; requests: number }[] })
      .endpoints
  }

  /** An instant query's samples. */
  async query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
    const url = `http://127.0.0.1:${this.ports.PROMETHEUS_PORT}/api/v1/query?query=${encodeURIComponent(expression)}`
    return ((await (await fetch(url)).json()) as { data: { result: [] } }).data.result
  }

  async #run(command: string, args: readonly string[], settings: Record<string, string> = {}): Promise<string> {
    const env = { ...this.#environment, ...settings }
    const { stdout } = await execute(command, args, { cwd: root, env, maxBuffer: 16 * 1024 * 1024 })
    return stdout.trim()
  }
}

/** Polls until `condition` holds: containers take their time. */
export const until = (what: string, condition: () => Promise<boolean>) => poll(what, condition, 60_000)

const KEYS = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi'.split(' ')
const ANSWER_WITHIN_MS = 20_000

/** Clients that read without a pause until they are told to end: half `/data/{key}`, half `/process`. */
export class Readers {
  answered = 0
  /** How many failed with each status, or each error's code. */
  readonly failures: Record<string, number> = {}
  readonly #pool: Pool
  readonly #clients: Promise<unknown>
  #ending = false

  constructor(url: string, token: string, clients = 16) {
    this.#pool = new Pool(url, { connections: clients, headersTimeout: ANSWER_WITHIN_MS })
    const headers = { authorization: `Bearer ${token}` }
    this.#clients = Promise.all(Array.from({ length: clients }, (_, index) => this.#read(headers, index)))
  }

  get lost(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0)
  }

  /** Resolves when `count` more have been answered, the next `count` without a failure among them. */
  async undisturbed(count = 200): Promise<void> {
    let [from, lost] = [this.answered, this.lost]
    await until(`${count} reads without a failure`, async () => {
      if (this.lost > lost) [from, lost] = [this.answered, this.lost]
      return this.answered >= from + count
    })
  }

  /** Resolves when all have been answered. */
  async end(): Promise<void> {
    this.#ending = true
    await this.#clients
    await this.#pool.close()
  }

  async #read(headers: Record<string, string>, client: number): Promise<void> {
    for (let turn = client; !this.#ending; turn++) {
      const key = KEYS[(turn >> 1) % KEYS.length]
      const path = turn % 2 === 0 ? `/data/${key}` : `/process?key=${key}`
      const failure = await this.#pool
        .request({ method: 'GET', path, headers })
        .then(async ({ statusCode, body }) => {
          await body.dump()
          return statusCode === 200 ? undefined : String(statusCode)
        })
        .catch((error: NodeJS.ErrnoException) => error.code ?? error.name)
      if (failure === undefined) this.answered++
      else {
        this.failures[failure] = (this.failures[failure] ?? 0) + 1
        // Whoever is refused at once would ask ten thousand times a second.
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
}
