/** `make up` and its relatives: one command for each target of the Makefile. */
import { parseArgs } from 'node:util'
import { ConfigError } from '@spillway/service'
import { alone } from './alone.ts'
import { APPS, type App, ROOT } from './apps.ts'
import { clean, down } from './down.ts'
import { logs } from './logs.ts'
import { PortError } from './ports.ts'
import { MARK } from './processes.ts'
import { StartError } from './service.ts'
import { type Environment, readSettings, settings } from './settings.ts'
import { accounts, token } from './sign-in.ts'
import { StackError, StateDir } from './state.ts'
import { status } from './status.ts'
import { supervise } from './supervise.ts'
import { up } from './up.ts'

const COMMANDS = ['up', 'down', 'status', 'logs', 'token', 'accounts', 'clean', 'supervise', ...APPS] as const
type Command = (typeof COMMANDS)[number]

async function run(command: Command, environment: Environment): Promise<number> {
  const isApp = (APPS as readonly string[]).includes(command)
  // An app run alone checks its own settings, which are not ours to know.
  const config = readSettings(isApp ? only(environment, Object.keys(settings)) : environment)
  const state = new StateDir(config.STATE_DIR)
  switch (command) {
    case 'up':
      return up(config, state, environment)
    case 'down':
      return down(state)
    case 'status':
      return status(state)
    case 'logs':
      return logs(state)
    case 'token':
      return token(state, config.ROLE)
    case 'accounts':
      return accounts(state)
    case 'clean':
      return clean(state)
    case 'supervise':
      return supervise(config, state, environment)
    default:
      return alone(command satisfies App, config, state, environment)
  }
}

const only = (environment: Environment, names: readonly string[]): Environment =>
  Object.fromEntries(names.map((name) => [name, environment[name]]))

const isExpected = (error: unknown): error is Error =>
  [ConfigError, PortError, StackError, StartError].some((kind) => error instanceof kind)

process.chdir(ROOT)
try {
  const [command, ...rest] = parseArgs({ allowPositionals: true }).positionals
  const known = COMMANDS.find((each) => each === command)
  if (!known || rest.length > 0) throw new StackError(`usage: main.ts ${COMMANDS.join(' | ')}`)
  // The mark of a stack's processes; no setting of ours.
  const { [MARK]: _mark, ...environment } = process.env
  process.exitCode = await run(known, environment)
} catch (error) {
  if (!isExpected(error)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
