/** The stack in containers, as Docker tells of it. */
import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import type { DemoAccount } from '@spillway/auth'
import { ROOT } from './apps.ts'
import type { Condition, Deployment } from './deployment.ts'
import { type Environment, settings as ours, SECRET } from './settings.ts'
import { ROLES, type Role, type ServiceEntry, StackError } from './state.ts'

/** The part of `docker inspect` that we read. */
interface Inspected {
  Id: string
  Name: string
  RestartCount: number
  State: { Status: string; ExitCode: number; Pid: number; Health?: { Status: string } }
  Config: { Env: string[]; Labels: Record<string, string> }
  NetworkSettings: {
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>
    Networks: Record<string, { IPAddress: string }>
  }
}

interface Container {
  /** Such as `gateway-1`. */
  name: string
  service: string
  inspected: Inspected
}

/** Where each listens inside. */
const PORTS: Record<string, number> = {
  balancer: 8000,
  gateway: 5000,
  cache: 5004,
  db: 5002,
  microservice: 5001,
  worker: 5005,
  postgres: 5432,
  prometheus: 9090,
  grafana: 3000,
}
const ADMIN_PORT = 8001
/** In the order in which tables show them. */
const ORDER = Object.keys(PORTS)
/** The number of the user whose file the accounts are (see compose.yaml). */
const INIT_USER = '10004'

const run = promisify(execFile)

export class Containers implements Deployment {
  readonly services: readonly ServiceEntry[]
  readonly settings: Readonly<Record<string, string>>
  readonly #containers: readonly Container[]

  private constructor(containers: readonly Container[]) {
    this.#containers = containers
    this.services = containers.filter(({ service }) => isRole(service)).map(entryOf)
    this.settings = settingsOf(containers)
  }

  /** The one whose balancer runs, if there is a Docker and one does. */
  static async find(): Promise<Containers | undefined> {
    const containers = await listed().catch(() => [])
    const isUp = containers.some(({ service, inspected: { State } }) => service === 'balancer' && State.Pid > 0)
    return isUp ? new Containers(containers) : undefined
  }

  async accounts(): Promise<readonly DemoAccount[]> {
    return JSON.parse(await this.#read('db', '/secrets/init-accounts.json', INIT_USER)) as DemoAccount[]
  }

  async database(): Promise<string> {
    const postgres = this.services.find(({ role }) => role === 'postgres')
    const url = new URL(await this.#read('db', '/secrets/db-database-url'))
    if (postgres) url.host = new URL(postgres.url).host
    return url.href
  }

  async condition(): Promise<Condition> {
    const rows = this.#containers.map(({ name, service, inspected }) => [
      name,
      stateOf(inspected),
      String(inspected.RestartCount),
      inspected.Name.slice(1),
      urlOf(service, inspected),
    ])
    const isReady = rows.every(([, state]) => state === 'ready')
    return { head: ['service', 'state', 'restarts', 'container', 'address'], rows, isReady }
  }

  /** Every published address, by service. */
  get published(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#containers.flatMap(({ service, inspected }) => {
        const address = publishedAt(inspected, PORTS[service] ?? 0)
        return address ? [[service, address]] : []
      }),
    )
  }

  followLogs(): ChildProcess {
    return compose(['logs', '--follow', '--tail', '10'], ['inherit', 'pipe', 'inherit'])
  }

  /** Has new tokens signed by a new key, and says by which. */
  async rotateKey(): Promise<string> {
    const command = ['run', '--rm', '--no-deps', '-T', 'secrets', 'secrets', '/secrets', 'rotate-key']
    return (await docker(['compose', ...command])).stdout
  }

  /** A file as one of a running container's users sees it. */
  async #read(service: string, file: string, user?: string): Promise<string> {
    const container = this.#containers.find((each) => each.service === service)
    if (!container) throw new StackError(`there is no container of ${service}; see make status.`)
    const as = user === undefined ? [] : ['--user', user]
    const { stdout } = await docker(['exec', ...as, container.inspected.Id, 'cat', file])
    return stdout
  }
}

/** Docker Compose on this repository's file, by default with our standard output, error and environment. */
export function compose(args: readonly string[], stdio: StdioOptions = 'inherit', env?: Environment): ChildProcess {
  return spawn('docker', ['compose', ...args], { cwd: ROOT, stdio, ...(env ? { env } : {}) })
}

/** @throws {StackError} with what Docker complained of */
export async function docker(args: readonly string[]): Promise<{ stdout: string }> {
  try {
    return await run('docker', args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    throw new StackError(`docker ${args[0]} failed: ${stderr?.trim() || message}`, { cause: error })
  }
}

/** Those that run or should, one-shots that ended well left out. */
async function listed(): Promise<Container[]> {
  const { stdout } = await docker(['compose', 'ps', '--all', '--quiet'])
  const ids = stdout.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const all = JSON.parse((await docker(['inspect', ...ids])).stdout) as Inspected[]
  return all
    .map((inspected) => {
      const label = (name: string) => inspected.Config.Labels[`com.docker.compose.${name}`] ?? ''
      return { name: `${label('service')}-${label('container-number')}`, service: label('service'), inspected }
    })
    .filter(({ service, inspected: { State } }) => ORDER.includes(service) || State.ExitCode !== 0)
    .sort((a, b) => ORDER.indexOf(a.service) - ORDER.indexOf(b.service) || a.name.localeCompare(b.name))
}

const isRole = (service: string): service is Role => (ROLES as readonly string[]).includes(service)

function entryOf({ name, service, inspected }: Container): ServiceEntry {
  const admin = publishedAt(inspected, ADMIN_PORT)
  return {
    name,
    role: service as Role,
    url: urlOf(service, inspected),
    ...(service === 'balancer' && admin ? { adminUrl: admin } : {}),
    pid: inspected.State.Pid,
    log: `docker logs ${inspected.Name.slice(1)}`,
  }
}

/** As it is published on this machine; else within Docker's network, into which Linux leads and Docker Desktop does not. */
function urlOf(service: string, inspected: Inspected): string {
  const port = PORTS[service] ?? 0
  const published = publishedAt(inspected, port)
  if (published) return published
  const address = Object.values(inspected.NetworkSettings.Networks).find(({ IPAddress }) => IPAddress)?.IPAddress
  return address ? `${service === 'postgres' ? 'postgres' : 'http'}://${address}:${port}` : '-'
}

function publishedAt({ NetworkSettings: { Ports } }: Inspected, port: number): string | undefined {
  const [published] = Ports[`${port}/tcp`] ?? []
  return published && `http://${published.HostIp}:${published.HostPort}`
}

function stateOf({ State: { Status, ExitCode, Health } }: Inspected): string {
  if (Status === 'exited') return `ended with ${ExitCode}`
  if (Status !== 'running') return Status
  return Health === undefined || Health.Status === 'healthy' ? 'ready' : Health.Status
}

function settingsOf(containers: readonly Container[]): Record<string, string> {
  const shared = Object.keys(ours).filter((name) => !SECRET.includes(name))
  const told = containers
    .flatMap(({ inspected }) => inspected.Config.Env)
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
    .filter(([name, value]) => shared.includes(name) && value !== '')
  const count = (role: Role) => String(containers.filter(({ service }) => service === role).length)
  return {
    ...Object.fromEntries(told),
    GATEWAYS: count('gateway'),
    MICROSERVICES: count('microservice'),
    WORKERS: count('worker'),
  }
}
