/** The stack as processes of this machine, as its state directory tells of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import type { DemoAccount } from '@spillway/auth'
import type { Condition, Deployment } from './deployment.ts'
import { livingSupervisor } from './leftovers.ts'
import { isPostgresReady, postgresUrl } from './postgres.ts'
import { isOurs } from './processes.ts'
import { readiness } from './readiness.ts'
import { postgresPassword, readAccounts } from './secrets.ts'
import { type ServiceEntry, StackError, type StateDir } from './state.ts'

export class LocalProcesses implements Deployment {
  readonly services: readonly ServiceEntry[]
  readonly settings: Readonly<Record<string, string>>
  readonly #state: StateDir

  private constructor(state: StateDir, { services, settings }: Pick<Deployment, 'services' | 'settings'>) {
    this.#state = state
    this.services = services
    this.settings = settings
  }

  /** The one that is up there, if one is. */
  static find(state: StateDir): LocalProcesses | undefined {
    const stack = state.readStack()
    return stack && new LocalProcesses(state, stack)
  }

  async accounts(): Promise<readonly DemoAccount[]> {
    return accountsOf(this.#state)
  }

  async database(): Promise<string> {
    const given = this.#state.readSupervisor()?.settings['DATABASE_URL']
    const postgres = this.services.find(({ role }) => role === 'postgres')
    if (given !== undefined || !postgres) return given ?? ''
    return postgresUrl(Number(new URL(postgres.url).port), postgresPassword(this.#state))
  }

  async condition(): Promise<Condition> {
    const supervisor = await livingSupervisor(this.#state)
    const states = await Promise.all(this.services.map((service) => this.#ask(service)))
    const rows = this.services.map(({ name, url, pid }, index) => [
      name,
      states[index] ?? '',
      String(supervisor?.processes.find((each) => each.name === name)?.restarts ?? 0),
      String(pid),
      url,
    ])
    const head = ['service', 'state', 'restarts', 'pid', 'address']
    if (supervisor?.phase === 'up') return { head, rows, isReady: states.every((each) => each === 'ready') }
    const trouble = supervisor ? `The stack is ${supervisor.phase}.` : 'The supervisor is gone: make up starts anew.'
    return { head, rows, isReady: false, trouble }
  }

  followLogs(): ChildProcess {
    return followLogs(this.#state)
  }

  async #ask(service: ServiceEntry): Promise<string> {
    if (service.role === 'postgres') {
      const isReady = (await isOurs(service.pid, this.#state.path)) && isPostgresReady(this.#state, service.pid)
      return isReady ? 'ready' : 'down'
    }
    const { state: is, detail } = await readiness(service)
    return detail === undefined ? is : `${is} (${detail})`
  }
}

/** The demo accounts of the stack that is up there, or was. @throws {StackError} where none was yet */
export function accountsOf(state: StateDir): readonly DemoAccount[] {
  const known = readAccounts(state)
  if (!known) throw new StackError(`there are no accounts in ${state.path} yet; make up first.`)
  return known
}

/** Those of the stack that is up there, or was. */
export function followLogs(state: StateDir): ChildProcess {
  // -F goes on when a new `make up` begins a file again.
  return spawn('tail', ['-n', '10', '-F', ...readdirSync(state.logs)], {
    cwd: state.logs,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
