/** Starts the whole stack by dependency, keeps it running, stops it in reverse. Lives in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Addresses, type App, appEnvironment, baseEnvironment, entry, initEnvironment } from './apps.ts'
import type { Ports } from './ports.ts'
import { type Command, Postgres, postgresUrl } from './postgres.ts'
import { readiness } from './readiness.ts'
import { createSecrets, postgresPassword } from './secrets.ts'
import { lastLines, Service, type ServiceSpec, StartError } from './service.ts'
import type { Environment, Settings } from './settings.ts'
import { type Role, readText, type StateDir, type SupervisorEntry, writeAtomic } from './state.ts'

export interface SupervisorOptions {
  config: Settings
  state: StateDir
  environment: Environment
  ports: Ports
  /** The settings given, for the book. */
  given: Record<string, string>
  /** Hears what happens to each service. */
  report: (name: string, what: string) => void
}

/**
 * When each tier must be gone, in ms from the beginning of a stop: 15 s in all less a margin. The front door drains (up
 * to 10 s); behind it nobody is calling any more.
 */
const STOP_ORDER: readonly { roles: readonly Role[]; until: number; drains?: boolean }[] = [
  { roles: ['balancer'], until: 10_500, drains: true },
  { roles: ['gateway'], until: 11_500 },
  { roles: ['cache', 'db'], until: 12_500 },
  { roles: ['postgres'], until: 14_000 },
]

const SETTLE_WITHIN_MS = 5_000
const SETTLE_POLL_MS = 50

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #services: Service[] = []
  /** Processes that do one thing and end. */
  readonly #tasks = new Map<string, number>()
  readonly #notes: string[] = []
  readonly #aborted = new AbortController()
  #phase: SupervisorEntry['phase'] = 'starting'
  /** Settles when nothing more is being started. */
  #starting: Promise<unknown> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** The book as it stands. */
  get entry(): SupervisorEntry {
    const running = this.#services.flatMap(({ spec, pid, restarts }) =>
      pid === undefined ? [] : [{ name: spec.name, pid, restarts }],
    )
    const tasks = [...this.#tasks].map(([name, pid]) => ({ name, pid, restarts: 0 }))
    return {
      pid: process.pid,
      phase: this.#phase,
      settings: this.#options.given,
      processes: [...running, ...tasks],
      notes: this.#notes,
    }
  }

  /** Resolves when everything is ready; what fails stays for `stop` to clear away. */
  async start(): Promise<void> {
    const { config, state, ports } = this.#options
    this.#aborted.signal.throwIfAborted()
    this.#record()
    createSecrets(state, config.DEMO_PASSWORD)
    const balancer = (await ports.next('balancer', 'balancer')).port
    const admin = (await ports.next('balancer', 'admin')).port
    const cache = (await ports.next('cache', 'cache')).port
    const db = (await ports.next('db', 'db')).port
    const gateways: number[] = []
    for (let number = 1; number <= config.GATEWAYS; number++) {
      const { port, note } = await ports.next(`gateway-${number}`, 'gateway')
      gateways.push(port)
      if (note) this.#notes.push(note)
    }
    const addresses: Addresses = {
      cache: origin(cache),
      db: origin(db),
      gateways: gateways.map(origin),
      database: config.DATABASE_URL ?? '',
    }

    // Gateways are ready whatever they call is; only the balancer must know where they came to be.
    const data = async () => {
      if (config.DATABASE_URL === undefined) addresses.database = await this.#startPostgres()
      await this.#migrate(addresses)
      await this.#startApp('db', 'db', db, addresses)
    }
    const front = async () => {
      await Promise.all(
        gateways.map((port, index) => this.#startApp('gateway', `gateway-${index + 1}`, port, addresses)),
      )
      await this.#startApp('balancer', 'balancer', balancer, addresses, admin)
    }
    const starts = [data(), this.#startApp('cache', 'cache', cache, addresses), front()]
    this.#starting = Promise.allSettled(starts)
    await Promise.all(starts)
    await this.#settle()
    this.#phase = 'up'
    this.#record()
  }

  /**
   * What was started before what it calls needs a moment to find it there. Whoever stays degraded is ready all the same,
   * so this ends in any case.
   */
  async #settle(): Promise<void> {
    const until = performance.now() + SETTLE_WITHIN_MS
    for (const { spec } of this.#services) {
      if (spec.role === 'postgres') continue
      while (performance.now() < until && (await readiness(spec)).state !== 'ready') {
        await delay(SETTLE_POLL_MS, undefined, { signal: this.#aborted.signal })
      }
    }
  }

  async #startApp(app: App, name: string, port: number, addresses: Addresses, adminPort?: number): Promise<void> {
    const { config, state, environment } = this.#options
    const url = origin(port)
    const asked = adminPort === undefined ? url : origin(adminPort)
    await this.#run({
      name,
      role: app,
      url,
      ...(adminPort === undefined ? {} : { adminUrl: asked }),
      log: state.log(name),
      command: {
        file: process.execPath,
        args: [entry(app)],
        env: {
          ...baseEnvironment(environment, config, state),
          ...appEnvironment(app, config, state, addresses),
          PORT: String(port),
          ...(adminPort === undefined ? {} : { ADMIN_PORT: String(adminPort), ADMIN_HOST: '127.0.0.1' }),
          INSTANCE: name,
        },
      },
      isReady: async () => (await readiness({ url: asked })).state !== 'down',
    })
  }

  async #startPostgres(): Promise<string> {
    const { config, state, environment, ports } = this.#options
    const postgres = await Postgres.locate(state)
    const password = postgresPassword(state)
    const env = baseEnvironment(environment, config, state)
    await postgres.initialize(password, (initdb) => this.#task('initdb', { ...initdb, env }))
    const { port, note } = await ports.next('postgres', 'postgres')
    if (note) this.#notes.push(note)
    await this.#run({
      name: 'postgres',
      role: 'postgres',
      url: postgresUrl(port),
      log: state.log('postgres'),
      command: { ...postgres.serve(port), env },
      isReady: (pid) => postgres.isReady(pid),
      // A "fast" shutdown: connections are closed, everything is written.
      stopSignal: 'SIGINT',
    })
    return postgresUrl(port, password)
  }

  async #migrate(addresses: Addresses): Promise<void> {
    const { config, state, environment } = this.#options
    // Once for a database and a number: a sample that somebody deleted stays deleted.
    const samples = `${config.SAMPLE_ITEMS} in ${URL.parse(config.DATABASE_URL ?? '')?.host ?? 'ours'}\n`
    const items = readText(state.samples) === samples ? 0 : config.SAMPLE_ITEMS
    const env = { ...baseEnvironment(environment, config, state), ...initEnvironment(state, addresses, items) }
    await this.#task('migrations', { file: process.execPath, args: [entry('db', 'init')], env })
    writeAtomic(state.samples, samples, 0o644)
  }

  async #run(spec: ServiceSpec): Promise<void> {
    if (this.#aborted.signal.aborted) throw new StartError(`${spec.name} was not started`)
    writeFileSync(spec.log, '')
    const service = new Service(spec, (_, what) => {
      this.#record()
      this.#options.report(spec.name, what)
    })
    this.#services.push(service)
    await service.start()
  }

  /** Runs one process to its end. @throws {StartError} when that is not success. */
  async #task(name: string, { file, args, ...options }: Command & { env: NodeJS.ProcessEnv }): Promise<void> {
    this.#aborted.signal.throwIfAborted()
    const path = this.#options.state.log(name)
    const log = openSync(path, 'w')
    const child = spawn(file, args, { ...options, stdio: ['ignore', log, log] })
    closeSync(log)
    const kill = () => child.kill('SIGKILL')
    this.#aborted.signal.addEventListener('abort', kill)
    this.#tasks.set(name, child.pid ?? 0)
    this.#record()
    this.#options.report(name, `started as process ${child.pid}`)
    try {
      const [code, signal] = await once(child, 'exit')
      if (code !== 0) throw new StartError(`${name} failed (${signal ?? `code ${code}`}).\n${lastLines(path)}`)
    } finally {
      this.#tasks.delete(name)
      this.#aborted.signal.removeEventListener('abort', kill)
    }
    this.#options.report(name, 'done')
  }

  /**
   * Stops everything within 15 s, the front door first; called again, or with `hurry`, drains are skipped. Resolves when
   * nothing is left.
   */
  stop({ hurry }: { hurry: boolean }): Promise<void> {
    if (this.#phase === 'stopping') for (const service of this.#services) service.hurry()
    this.#stopped ??= this.#stopAll(hurry)
    return this.#stopped
  }

  async #stopAll(hurry: boolean): Promise<void> {
    this.#phase = 'stopping'
    this.#aborted.abort()
    this.#record()
    const began = performance.now()
    for (const { roles, until, drains } of STOP_ORDER) {
      const tier = this.#services.filter(({ spec }) => roles.includes(spec.role))
      const insist = (hurry || !drains) && !roles.includes('postgres')
      await Promise.all(tier.map((each) => each.stop({ insist, withinMs: began + until - performance.now() })))
    }
    await this.#starting
    this.#options.state.release()
  }

  /** Written whenever a process begins, so that whoever comes after us finds it. */
  #record(): void {
    const inOrder = STOP_ORDER.flatMap(({ roles }) => this.#services.filter(({ spec }) => roles.includes(spec.role)))
    this.#options.state.write(
      this.entry,
      inOrder.flatMap(({ spec: { name, role, url, adminUrl, log }, pid }) =>
        pid === undefined ? [] : [{ name, role, url, ...(adminUrl === undefined ? {} : { adminUrl }), pid, log }],
      ),
    )
  }
}

const origin = (port: number) => `http://127.0.0.1:${port}`
