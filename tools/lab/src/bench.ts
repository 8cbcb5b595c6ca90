/** `make bench` and single tests: experiments one after another, on stacks of their own or the one that is up, then their report. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import { type Experiment, observe } from './experiment.ts'
import { driverFor, drivers, NO_K6 } from './generators/drivers.ts'
import { isRun } from './judging/measures.ts'
import { judge } from './judging/verdict.ts'
import { type Driver, DriverError, type Shape } from './plan.ts'
import { report } from './reporting/report.ts'
import { createResults, type Results } from './reporting/results.ts'
import { summary } from './reporting/summary.ts'
import { type Run, SHAPES } from './run.ts'
import { PROFILES, type Scenario, shapes } from './scenario.ts'
import type { Environment, Settings } from './settings.ts'
import { cleanStack, LabError, runningStack, type Stack, startStack, stopStack } from './stack.ts'

const USUAL_MS = 60_000
/** The exit code of a bench in which something did not do what its name says. */
export const EXIT_INVALID = 3

export interface Bench {
  readonly config: Settings
  readonly environment: Environment
  /** Ends what is under way, stacks included. */
  readonly signal: AbortSignal
}

/** Users join while the test lasts: one that is over before all have joined would measure fewer than it names. */
function checkJoining(config: Settings): void {
  const seconds = durationOf(config)
  for (const shape of shapes(config)) {
    const joining = shape.kind === 'users' ? shape.users / shape.joinPerSecond : 0
    if (seconds >= joining) continue
    throw new LabError(
      `${shape.users} users need ${joining} s to join and DURATION is ${seconds}s: give them longer, take fewer USERS, or SHAPE=closed.`,
    )
  }
}

const durationOf = ({ DURATION = USUAL_MS }: Settings) => DURATION / 1000

/** On stacks started for it: one for each number of gateways. Resolves to the exit code. */
export async function bench(scenarios: readonly Scenario[], { config, environment, signal }: Bench): Promise<number> {
  checkJoining(config)
  const results = createResults(config.RESULTS_DIR, config.PROFILE)
  const stateDir = path.join(results.folder, 'stack')
  const offset = config.PORT_OFFSET === undefined ? {} : { PORT_OFFSET: String(config.PORT_OFFSET) }
  for (const gateways of new Set(scenarios.map((scenario) => scenario.gateways))) {
    say(`Starting a stack with ${gateways} ${gateways === 1 ? 'gateway' : 'gateways'} ...`)
    const settings = { ...PROFILES[config.PROFILE], ...offset, GATEWAYS: String(gateways) }
    try {
      const stack = await startStack(stateDir, settings, environment)
      const sharing = scenarios.filter((scenario) => scenario.gateways === gateways)
      await observeAll(sharing, stack, config.PROFILE, results, { config, environment, signal })
    } finally {
      await stopStack(stateDir, environment)
      await cleanStack(stateDir, environment)
      if (results.rows.length === 0) rmSync(results.folder, { recursive: true })
    }
  }
  return conclude(results)
}

/** On the stack that is up. Resolves to the exit code. */
export async function test(scenario: Scenario, { config, environment, signal }: Bench): Promise<number> {
  checkJoining(config)
  const stack = await runningStack(config.STATE_DIR, environment)
  const gateways = stack.services.filter(({ role }) => role === 'gateway').length
  if (gateways !== scenario.gateways) {
    throw new LabError(
      `${scenario.name} is about ${scenario.gateways} gateways; the stack has ${gateways}: make down && make up GATEWAYS=${scenario.gateways}`,
    )
  }
  const profile = Number(stack.settings['GATEWAY_CONCURRENCY'] ?? 0) > 0 ? 'classic' : 'full'
  const results = createResults(config.RESULTS_DIR, profile)
  await observeAll([scenario], stack, profile, results, { config, environment, signal })
  return conclude(results)
}

async function observeAll(
  scenarios: readonly Scenario[],
  stack: Stack,
  profile: Run['profile'],
  results: Results,
  { config, environment, signal }: Bench,
): Promise<void> {
  const known = await drivers(environment)
  const duration = durationOf(config)
  for (const scenario of scenarios) {
    for (const shape of shapes(config)) {
      signal.throwIfAborted()
      const driver = driverFor(shape.kind, known)
      if (driver) await observeOne({ scenario, shape, duration, profile }, { stack, driver, signal }, results)
      else results.addNotRun({ name: scenario.name, shape: shape.kind, notRun: NO_K6 })
    }
  }
}

async function observeOne(
  experiment: Experiment,
  means: { stack: Stack; driver: Driver; signal: AbortSignal },
  results: Results,
): Promise<void> {
  const { scenario, shape, duration } = experiment
  say(`${scenario.name}, ${inWords(shape)}, ${duration} s by ${means.driver.name} ...`)
  try {
    const { run, seconds } = await observe(experiment, means)
    results.add(run, seconds)
    const { verdict } = judge(run)
    const rate = (run.load.requests / run.load.duration).toFixed(1)
    say(`  ${verdict.toUpperCase()}: ${rate} requests a second, ${run.load.latency.average.toFixed(1)} ms on average`)
  } catch (error) {
    if (!(error instanceof DriverError) || means.signal.aborted) throw error
    results.addNotRun({ name: scenario.name, shape: shape.kind, notRun: error.message })
    say(`  NOT RUN: ${error.message}`)
  }
}

async function conclude(results: Results): Promise<number> {
  await report(results.folder)
  process.stdout.write(
    `\n${summary(results.rows)}\n\nThe report: ${path.relative(process.cwd(), results.folder)}/report.md\n`,
  )
  // Where k6 is missing nothing went wrong; whatever else kept a test from being run did.
  const failed = results.rows.some((row) => (isRun(row) ? judge(row).verdict === 'invalid' : row.notRun !== NO_K6))
  return failed ? EXIT_INVALID : 0
}

const say = (line: string) => void process.stdout.write(`${line}\n`)

const inWords = ({ kind, users }: Shape) => `${users} ${SHAPES[kind]}`
