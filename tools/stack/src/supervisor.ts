/** Starts the whole stack by dependency, keeps it running, stops it in reverse. Lives in a process of its own. */
import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, holdSockets, StartError, Supervised, type SupervisedSpec } from '@spillway/service'
import { type Addresses, type App, appEnvironment, baseEnvironment, entry } from './apps.ts'
import { Ports, type Slot } from './ports.ts'
import { isPostgresReady, Postgres, postgresUrl } from './postgres.ts'
import { portHolder } from './processes.ts'
import { readiness, type Where } from './readiness.ts'
import { createSecrets, postgresPassword, secretFiles } from './secrets.ts'
import { type Environment, effectiveTexts, givenTexts, type Settings } from './settings.ts'
import { type Role, readText, type StateDir, type SupervisorEntry, writeAtomic } from './state.ts'

interface ServiceSpec extends SupervisedSpec {
  /** A task does one thing and ends. */
  role: Role | 'task'
  /** Where it listens; tasks do not. */
  url?: string
  adminUrl?: string
  log: string
}

export interface SupervisorOptions {
  config: Settings
  state: StateDir
  environment: Environment
  /** Hears what happens to each service. */
  report: (name: string, what: string) => void
}

/**
 * When each tier must be gone, in ms from the beginning of a stop: 15 s in all less a margin. The front door drains (up
 * to 10 s); behind it nobody is calling any more.
 */
const STOP_ORDER: readonly { roles: readonly (Role | 'task')[]; until: number; drains?: boolean }[] = [
  { roles: ['task'], until: 0 },
  { roles: ['balancer'], until: 10_500, drains: true },
  { roles: ['gateway'], until: 11_500 },
  { roles: ['cache', 'db', 'microservice', 'worker'], until: 12_500 },
  { roles: ['postgres'], until: 14_000 },
]

const SETTLE_WITHIN_MS = 5_000
const SETTLE_POLL_MS = 50

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #services: Supervised<ServiceSpec>[] = []
  readonly #ports: Ports
  /** What every process is told. */
  readonly #environment: Environment
  readonly #notes: string[] = []
  #handOvers: SupervisorEntry['handOvers'] = { ended: 0 }
  #reloads: SupervisorEntry['reloads'] = { ended: 0, told: [] }
  readonly #aborted = new AbortController()
  #phase: SupervisorEntry['phase'] = 'starting'
  /** Settles when nothing more is being started. */
  #starting: Promise<unknown> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    const { config, state, environment } = options
    this.#ports = new Ports({ offset: config.PORT_OFFSET, strict: config.STRICT_PORTS === '1', holder: portHolder })
    this.#environment = baseEnvironment(environment, config, state)
  }

  get phase(): SupervisorEntry['phase'] {
    return this.#phase
  }

  /** The book as it stands. */
  get entry(): SupervisorEntry {
    return {
      pid: process.pid,
      phase: this.#phase,
      settings: givenTexts(this.#options.environment),
      processes: this.#services.flatMap(({ spec: { name }, pid, restarts }) =>
        pid === undefined ? [] : [{ name, pid, restarts }],
      ),
      notes: this.#notes,
      handOvers: this.#handOvers,
      reloads: this.#reloads,
    }
  }

  /** Resolves when everything is ready; what fails stays for `stop` to clear away. */
  async start(): Promise<void> {
    const { config, state } = this.#options
    this.#aborted.signal.throwIfAborted()
    this.#record()
    createSecrets(state, config.DEMO_PASSWORD)
    // All of them before anything starts: one that cannot be had is told at once.
    const balancer = {
      url: await this.#claim('balancer', 'balancer'),
      adminUrl: await this.#claim('balancer', 'admin'),
    }
    const addresses: Addresses = {
      cache: config.CACHE_URL ?? (await this.#claim('cache', 'cache')),
      db: await this.#claim('db', 'db'),
      microservices: await this.#claimReplicas('microservice', config.MICROSERVICES),
      workers: await this.#claimReplicas('worker', config.WORKERS),
      gateways: await this.#claimReplicas('gateway', config.GATEWAYS),
      database: config.DATABASE_URL ?? '',
    }

    // Gateways are ready whatever they call is; only the balancer must know where they came to be.
    const data = async () => {
      if (config.DATABASE_URL === undefined) addresses.database = await this.#startPostgres()
      await this.#migrate(addresses)
      await Promise.all([
        this.#startApp('db', 'db', { url: addresses.db }, addresses),
        this.#startReplicas('worker', addresses.workers, addresses),
      ])
    }
    const front = async () => {
      await this.#startReplicas('gateway', addresses.gateways, addresses)
      await this.#startApp('balancer', 'balancer', balancer, addresses)
    }
    const starts = [
      data(),
      ...(config.CACHE_URL === undefined
        ? [this.#startApp('cache', 'cache', { url: addresses.cache }, addresses)]
        : []),
      this.#startReplicas('microservice', addresses.microservices, addresses),
      front(),
    ]
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
      const { url } = spec
      if (spec.role === 'postgres' || url === undefined) continue
      while (performance.now() < until && (await readiness({ ...spec, url })).state !== 'ready') {
        await delay(SETTLE_POLL_MS, undefined, { signal: this.#aborted.signal })
      }
    }
  }

  /** Resolves to the origin of a port that nobody has; what is unusual about it becomes a note. */
  async #claim(name: string, slot: Slot): Promise<string> {
    const { port, note } = await this.#ports.next(name, slot)
    if (note) this.#notes.push(note)
    return `http://127.0.0.1:${port}`
  }

  async #claimReplicas(role: App, count: number): Promise<string[]> {
    const urls: string[] = []
    for (let index = 0; index < count; index++) urls.push(await this.#claim(replicaName(role, index), role))
    return urls
  }

  async #startReplicas(role: App, urls: readonly string[], addresses: Addresses): Promise<void> {
    await Promise.all(urls.map((url, index) => this.#startApp(role, replicaName(role, index), { url }, addresses)))
  }

  async #startApp(app: App, name: string, where: Where, addresses: Addresses): Promise<void> {
    const { config, state } = this.#options
    const env = {
      ...this.#environment,
      ...appEnvironment(app, config, state, addresses),
      PORT: new URL(where.url).port,
      ...(where.adminUrl ? { ADMIN_PORT: new URL(where.adminUrl).port, ADMIN_HOST: '127.0.0.1' } : {}),
      INSTANCE: name,
    }
    await this.#run({
      name,
      role: app,
      ...where,
      log: state.log(name),
      command: { file: process.execPath, args: [entry(app)], env },
      ...(where.adminUrl
        ? { sockets: await holdSockets({}, [where.url, where.adminUrl].map(address)) }
        : { isReady: async () => (await readiness(where)).state !== 'down' }),
    })
  }

  async #startPostgres(): Promise<string> {
    const { state } = this.#options
    const env = this.#environment
    const postgres = await Postgres.locate(state)
    const password = postgresPassword(state)
    await postgres.initialize(password, (initdb) => this.#task('initdb', { ...initdb, env }))
    const port = Number(new URL(await this.#claim('postgres', 'postgres')).port)
    await this.#run({
      name: 'postgres',
      role: 'postgres',
      url: postgresUrl(port),
      log: state.log('postgres'),
      command: { ...postgres.serve(port), env },
      isReady: (pid) => isPostgresReady(state, pid),
      // A "fast" shutdown: connections are closed, everything is written.
      stopSignal: 'SIGINT',
    })
    return postgresUrl(port, password)
  }

  async #migrate(addresses: Addresses): Promise<void> {
    const { config, state } = this.#options
    // Once for a database and a number: a sample that somebody deleted stays deleted.
    const samples = `${config.SAMPLE_ITEMS} in ${URL.parse(config.DATABASE_URL ?? '')?.host ?? 'ours'}\n`
    const items = readText(state.samples) === samples ? 0 : config.SAMPLE_ITEMS
    const env = {
      ...this.#environment,
      DATABASE_URL: addresses.database,
      SPILLWAY_DEMO: '1',
      SAMPLE_ITEMS: String(items),
      ACCOUNTS_FILE: secretFiles(state).accounts,
    }
    await this.#task('migrations', { file: process.execPath, args: [entry('db', 'init')], env })
    writeAtomic(state.samples, samples, 0o644)
  }

  async #run(spec: ServiceSpec): Promise<void> {
    if (this.#aborted.signal.aborted) throw new StartError(`${spec.name} was not started`)
    writeFileSync(spec.log, '')
    const service = new Supervised(spec, (_, what) => {
      this.#record()
      this.#options.report(spec.name, what)
    })
    this.#services.push(service)
    await service.start()
  }

  /** Runs one process to its end. @throws {StartError} when that is not success. */
  async #task(name: string, command: Command): Promise<void> {
    await this.#run({ name, role: 'task', log: this.#options.state.log(name), command })
  }

  /** Has a new balancer take over from the one that runs; the book tells how that went. */
  async handOver(): Promise<void> {
    const balancer = this.#services.find(({ spec }) => spec.role === 'balancer')
    const failed = (error: Error) => ({ failure: error.message })
    const outcome = (await balancer?.handOver().catch(failed)) ?? {}
    this.#handOvers = { ended: this.#handOvers.ended + 1, ...outcome }
    if (this.#phase === 'up') this.#record()
  }

  /** Tells each gateway that is ready to read its routes again. (The balancer has no file, and would end.) */
  reload(): void {
    const told = this.#services.filter((each) => each.spec.role === 'gateway' && each.signal('SIGHUP'))
    this.#reloads = { ended: this.#reloads.ended + 1, told: told.map(({ spec }) => spec.name) }
    if (this.#phase === 'up') this.#record()
  }

  /**
   * Stops everything within 15 s, the front door first. Called again, or while nobody is being served yet, it skips the
   * drains. Resolves when nothing is left.
   */
  stop(): Promise<void> {
    if (this.#phase === 'stopping') for (const service of this.#services) service.hurry()
    this.#stopped ??= this.#stopAll(this.#phase !== 'up')
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
        role === 'task' || url === undefined || pid === undefined
          ? []
          : [{ name, role, url, ...(adminUrl === undefined ? {} : { adminUrl }), pid, log }],
      ),
      effectiveTexts(this.#options.environment),
    )
  }
}

const address = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })
const replicaName = (role: App, index: number) => `${role}-${index + 1}`
