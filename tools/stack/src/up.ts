/** `make up`: starts the supervisor, shows how it goes, returns when everything is ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { lastLines } from '@spillway/service'
import { ROOT } from './apps.ts'
import { livingSupervisor } from './leftovers.ts'
import { MARK } from './processes.ts'
import { createProgress } from './progress.ts'
import { readAccounts } from './secrets.ts'
import { asTyped, differences, type Environment, givenTexts, type Settings } from './settings.ts'
import { StackError, type StateDir, type SupervisorEntry } from './state.ts'
import type { Message } from './supervise.ts'
import { summary } from './table.ts'

export async function up(config: Settings, state: StateDir, environment: Environment): Promise<number> {
  const living = await livingSupervisor(state)
  if (living) return alreadyUp(living, config, state, environment)
  state.create()
  const log = openSync(state.log('supervisor'), 'w')
  const supervisor = spawn(process.execPath, [`${import.meta.dirname}/main.ts`, 'supervise'], {
    cwd: ROOT,
    detached: true,
    // Whoever shares a compile cache among stacks goes on doing so.
    env: { NODE_COMPILE_CACHE: state.compileCache, ...environment, STATE_DIR: state.path, [MARK]: state.path },
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)

  const progress = createProgress(process.stdout)
  let interrupted = false
  const interrupt = () => {
    progress.end()
    process.stdout.write('Interrupted: stopping what was started.\n')
    interrupted = true
    supervisor.kill('SIGTERM')
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  const outcome = Promise.withResolvers<Message | undefined>()
  supervisor.on('message', (message: Message) => {
    if (message.is === 'step') progress.step(message.name, message.what)
    else outcome.resolve(message)
  })
  const ended = once(supervisor, 'exit').then(() => outcome.resolve(undefined))
  const message = await outcome.promise
  progress.end()
  // While it is connected, neither of us would end.
  if (supervisor.connected) supervisor.disconnect()

  if (message?.is === 'up') {
    supervisor.unref()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    process.stdout.write(`\nReady after ${progress.seconds()} s.\n\n${summary(state)}`)
    return 0
  }
  await ended
  if (interrupted) return 130
  if (message?.is === 'taken') {
    throw new StackError('another `make up` has just taken this stack; `make status` shows how it goes.')
  }
  const why =
    message?.is === 'failed' ? message.message : `the supervisor ended.\n${lastLines(state.log('supervisor'))}`
  throw new StackError(`${why}\nEverything is stopped again.`)
}

function alreadyUp(living: SupervisorEntry, config: Settings, state: StateDir, environment: Environment): number {
  if (living.phase !== 'up') {
    const doing = living.phase === 'starting' ? 'being started' : 'stopping'
    throw new StackError(`the stack in ${state.path} is ${doing} already (supervisor ${living.pid}); see make status.`)
  }
  const asked = givenTexts(environment)
  // The demo password in force is the one that the accounts have; giving none asks for no other.
  const inForce = readAccounts(state)?.[0]?.password
  const differing = differences(
    { ...living.settings, DEMO_PASSWORD: inForce },
    { ...asked, DEMO_PASSWORD: asked['DEMO_PASSWORD'] ?? inForce },
  )
  if (differing.length === 0) {
    process.stdout.write(`Already up.\n\n${summary(state)}`)
    return 0
  }
  const lines = differing.map(({ name, running, asked }) => `  ${name} is ${running}, asked for is ${asked}`)
  const place = state.isDefault ? '' : ` STATE_DIR=${config.STATE_DIR}`
  throw new StackError(
    `the stack is up with other settings:\n${lines.join('\n')}\nTo apply them: make down${place} && make up${place}${asTyped(asked)}`,
  )
}
