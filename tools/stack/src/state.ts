/** The state directory: where its files are, `stack.json` for everybody, `supervisor.json` for ourselves. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

export const ROLES = ['postgres', 'db', 'cache', 'microservice', 'worker', 'gateway', 'balancer'] as const
export type Role = (typeof ROLES)[number]

/** One line of `stack.json`, whose shape is public. */
export interface ServiceEntry {
  /** Such as `gateway-1`. */
  name: string
  role: Role
  url: string
  /** Where operators ask, when it is not `url`. */
  adminUrl?: string
  /** Of the process started last: while a service is being restarted nobody has it. */
  pid: number
  /** Path of the log file; in containers, the command that shows it. */
  log: string
}

/** Our own book: who supervises, with what settings, and every process started, so that leftovers can be found. */
export interface SupervisorEntry {
  pid: number
  phase: 'starting' | 'up' | 'stopping'
  /** The settings given, as texts. */
  settings: Record<string, string>
  processes: { name: string; pid: number; restarts: number }[]
  /** What people should know, such as a replica's unusual port. */
  notes: string[]
  /** How many times the balancer was asked to hand over, and why the last time failed, where it did. */
  handOvers: { ended: number; failure?: string }
  /** How many times the gateways were to read their routes again, and which of them were told the last time. */
  reloads: { ended: number; told: readonly string[] }
}

/** A complaint for people: printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError'
}

export const DEFAULT_STATE_DIR = '.spillway'
const MARKER = '# A Spillway state directory: data, logs, secrets. `make clean` deletes it.'

export class StateDir {
  readonly path: string
  readonly logs: string
  readonly postgres: string
  readonly data: string
  /** In which PostgreSQL writes its process id, and whether it is ready. */
  readonly postmasterFile: string
  readonly compileCache: string
  /** Says which sample items were made. */
  readonly samples: string
  /** The marker by which we know it again; as `.gitignore` it keeps secrets from being committed wherever it lies. */
  readonly #markerFile: string
  readonly #stackFile: string
  readonly #supervisorFile: string

  constructor(directory: string) {
    const root = path.resolve(directory)
    this.path = root
    this.logs = path.join(root, 'logs')
    this.postgres = path.join(root, 'postgres')
    this.data = dataDirectory(root)
    this.postmasterFile = path.join(this.data, 'postmaster.pid')
    this.compileCache = path.join(root, 'compile-cache')
    this.samples = path.join(root, 'samples')
    this.#markerFile = path.join(root, '.gitignore')
    this.#stackFile = path.join(root, 'stack.json')
    this.#supervisorFile = path.join(root, 'supervisor.json')
  }

  log(name: string): string {
    return path.join(this.logs, `${name}.log`)
  }
  secret(file: string): string {
    return path.join(this.path, 'secrets', file)
  }

  /** Whether it is the one that commands use when they are told no other. */
  get isDefault(): boolean {
    return this.path === path.resolve(DEFAULT_STATE_DIR)
  }

  /** Whether we made it. */
  get isState(): boolean {
    return readText(this.#markerFile)?.startsWith(MARKER) === true
  }

  /** Makes the directory. @throws {StackError} when it is somebody else's: `make clean` would delete what is theirs. */
  create(): void {
    if (!this.isState && existsSync(this.path) && readdirSync(this.path).length > 0) {
      throw new StackError(`${this.path} is not empty and no Spillway state directory; choose another STATE_DIR.`)
    }
    this.#lay()
  }

  /** Lays out what is missing: somebody may delete it while the stack runs, which must then still be found and stopped. */
  #lay(): void {
    mkdirSync(this.logs, { recursive: true })
    const secrets = this.secret('')
    mkdirSync(secrets, { recursive: true, mode: 0o700 })
    chmodSync(secrets, 0o700)
    if (!this.isState) writeAtomic(this.#markerFile, `${MARKER}\n*\n`, 0o644)
  }

  /** The stack that is up, if one is. */
  readStack(): { services: ServiceEntry[]; settings: Record<string, string> } | undefined {
    return readJson(this.#stackFile)
  }

  readSupervisor(): SupervisorEntry | undefined {
    return readJson(this.#supervisorFile)
  }

  /** Writes both books of a running stack. `settings` are those in force, for everybody to read. */
  write(entry: SupervisorEntry, services: readonly ServiceEntry[], settings: Record<string, string>): void {
    this.#lay()
    writeAtomic(this.#supervisorFile, JSON.stringify(entry), 0o600)
    writeAtomic(this.#stackFile, `${JSON.stringify({ settings, services }, undefined, 2)}\n`, 0o644)
  }

  /** Takes the stack for one supervisor: false when another has it. Linking is atomic where checking first is not. */
  take(entry: SupervisorEntry): boolean {
    const draft = `${this.#supervisorFile}.${process.pid}`
    writeFileSync(draft, JSON.stringify(entry), { mode: 0o600 })
    try {
      linkSync(draft, this.#supervisorFile)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return false
    } finally {
      rmSync(draft)
    }
  }

  /** Removes the entry of a supervisor that died; false when another one has taken its place meanwhile. */
  discard(dead: SupervisorEntry): boolean {
    const aside = `${this.#supervisorFile}.${process.pid}`
    try {
      renameSync(this.#supervisorFile, aside)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
      throw error
    }
    const wasDead = readJson<SupervisorEntry>(aside)?.pid === dead.pid
    if (!wasDead) linkSync(aside, this.#supervisorFile)
    rmSync(aside)
    return wasDead
  }

  /** Forgets the stack that was up; data, logs and secrets stay. */
  release(): void {
    rmSync(this.#stackFile, { force: true })
    rmSync(this.#supervisorFile, { force: true })
  }
}

/** PostgreSQL's, within a state directory. */
export const dataDirectory = (stateDir: string) => path.join(stateDir, 'postgres', 'data')

/** Readers see the old text or the new one, never a part; the mode holds from the first byte. */
export function writeAtomic(file: string, text: string, mode: number): void {
  const draft = `${file}.${process.pid}.tmp`
  writeFileSync(draft, text, { mode })
  renameSync(draft, file)
}

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function readJson<T>(file: string): T | undefined {
  const text = readText(file)
  return text === undefined ? undefined : (JSON.parse(text) as T)
}
