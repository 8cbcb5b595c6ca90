/** `make up` and its relatives: one command for each target of the Makefile. */
import { ConfigError } from '@spillway/service'
import { alone } from './alone.ts'
import { APPS, ROOT } from './apps.ts'
import { composeDown, composeUp } from './compose-up.ts'
import { database } from './database.ts'
import { describe } from './describe.ts'
import { clean, down } from './down.ts'
import { logs } from './logs.ts'
import { metrics } from './metrics.ts'
import { MARK } from './processes.ts'
import { reload } from './reload.ts'
import { restartBalancer } from './restart-balancer.ts'
import { rotateKey } from './rotate-key.ts'
import { type Environment, readFiles, readSettings, type Settings, settings } from './settings.ts'
import { accounts, token } from './sign-in.ts'
import { StackError, StateDir } from './state.ts'
import { status } from './status.ts'
import { supervise } from './supervise.ts'
import { up } from './up.ts'
import { users } from './users.ts'

type Command = (config: Settings, state: StateDir, environment: Environment) => number | Promise<number>

const COMMANDS: Record<string, Command> = {
  up,
  down: (_, state) => down(state),
  status: (_, state, environment) => status(state, environment),
  metrics: (_, state, environment) => metrics(state, environment),
  logs: (_, state, environment) => logs(state, environment),
  token: (config, state, environment) => token(state, config.ROLE, environment),
  accounts: (_, state, environment) => accounts(state, environment),
  database,
  reload: (_, state) => reload(state),
  'restart-balancer': (_, state) => restartBalancer(state),
  'rotate-key': (_, state, environment) => rotateKey(state, environment),
  describe: (_, state, environment) => describe(state, environment),
  'compose-up': composeUp,
  'compose-down': composeDown,
  clean: (_, state) => clean(state),
  supervise,
  users,
}

async function run(name: string, environment: Environment): Promise<number> {
  const app = APPS.find((each) => each === name)
  // An app run alone checks its own settings, which are not ours to know.
  const config = readSettings(app ? only(environment, Object.keys(settings)) : environment)
  const state = new StateDir(config.STATE_DIR)
  if (app) return alone(app, config, state, environment)
  const command = COMMANDS[name]
  if (!command) throw new StackError(`usage: main.ts ${[...Object.keys(COMMANDS), ...APPS].join(' | ')}`)
  return command(config, state, environment)
}

const only = (environment: Environment, names: readonly string[]): Environment =>
  Object.fromEntries(names.map((name) => [name, environment[name]]))

process.chdir(ROOT)
try {
  // The mark of a stack's processes; no setting of ours.
  const { [MARK]: _mark, ...environment } = process.env
  process.exitCode = await run(process.argv[2] ?? '', readFiles(environment))
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StackError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
