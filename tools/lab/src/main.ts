/** The laboratory's commands, one for each target of the Makefile. */
import { ConfigError } from '@spillway/service'
import { loadAccounts } from './accounts.ts'
import { bench, test } from './bench.ts'
import { benchCache } from './cache/bench-cache.ts'
import { contest } from './contest/contest.ts'
import { benchGateway } from './gateway/bench-gateway.ts'
import { getK6 } from './generators/get-k6.ts'
import { OWN_K6 } from './generators/k6-binary.ts'
import { load } from './load.ts'
import { report } from './reporting/report.ts'
import { newestIn } from './reporting/results.ts'
import { BENCH, scenarioOf } from './scenario.ts'
import { type Environment, readSettings } from './settings.ts'
import { benchLogin } from './sign-in/bench-login.ts'
import { simulatePolicies } from './simulation/simulate-policies.ts'
import { soak } from './soak/soak.ts'
import { LabError, ROOT } from './stack.ts'
import { stress } from './stress.ts'

const USAGE =
  'usage: main.ts bench | bench-balancer | bench-cache | bench-gateway | bench-login | soak-balancer | simulate-policies | test3-hit | run3-hit (1 to 5, hit or miss) | load | load-accounts | stress | report | k6'

async function run(command: string, environment: Environment, signal: AbortSignal): Promise<number> {
  const config = readSettings(environment)
  const means = { config, environment, signal }
  const scenario = scenarioOf(command)
  if (scenario) return command.startsWith('run') ? bench([scenario], means) : test(scenario, means)
  switch (command) {
    case 'bench':
      return bench(BENCH, means)
    case 'bench-balancer':
      return contest(means)
    case 'bench-cache':
      return benchCache(means)
    case 'bench-gateway':
      return benchGateway(means)
    case 'bench-login':
      return benchLogin(config, environment)
    case 'soak-balancer':
      return soak(means)
    case 'simulate-policies':
      return simulatePolicies(means)
    case 'load':
      return load(config, environment)
    case 'load-accounts':
      return loadAccounts(config, environment)
    case 'stress':
      return stress(config, environment)
    case 'report':
      process.stdout.write(`${await report(config.RESULTS ?? newestIn(config.RESULTS_DIR))}\n`)
      return 0
    case 'k6':
      return getK6({ environment, file: OWN_K6, say: (line) => void process.stdout.write(`${line}\n`) })
    default:
      throw new LabError(USAGE)
  }
}

process.chdir(ROOT)
const interrupted = new AbortController()
const interrupt = () => {
  if (!interrupted.signal.aborted) process.stderr.write('Interrupted: stopping what was started.\n')
  interrupted.abort()
}
process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
try {
  process.exitCode = await run(process.argv[2] ?? '', process.env, interrupted.signal)
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130
  else if (error instanceof ConfigError || error instanceof LabError) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  } else throw error
}
