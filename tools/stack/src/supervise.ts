/** The process that stays in the background: takes the stack, runs a Supervisor, tells `make up` how it goes. */
import { createLogger } from '@spillway/service'
import { livingSupervisor, stopLeftovers } from './leftovers.ts'
import { Ports } from './ports.ts'
import { portHolder } from './processes.ts'
import { type Environment, givenTexts, type Settings } from './settings.ts'
import type { StateDir } from './state.ts'
import { Supervisor } from './supervisor.ts'

/** What `make up` hears over Node's channel between parent and child. */
export type Message =
  | { is: 'step'; name: string; what: string }
  | { is: 'up' }
  /** Somebody else is starting, or has started, this stack. */
  | { is: 'taken' }
  | { is: 'failed'; message: string }

/** Resolves to the exit code, when everything is stopped again. */
export async function supervise(config: Settings, state: StateDir, environment: Environment): Promise<number> {
  const logger = createLogger({ service: 'supervisor', instance: 'supervisor', level: config.LOG_LEVEL })
  /** Resolves when it is written: ending before would lose it. */
  const tell = (message: Message) =>
    new Promise<void>((resolve) => (process.connected ? process.send?.(message, () => resolve()) : resolve()))
  const supervisor = new Supervisor({
    config,
    state,
    environment,
    ports: new Ports({ offset: config.PORT_OFFSET, strict: config.STRICT_PORTS === '1', holder: portHolder }),
    given: givenTexts(environment),
    report(name, what) {
      logger.info({ name }, `${name} ${what}`)
      void tell({ is: 'step', name, what })
    },
  })

  const before = state.readSupervisor()
  const processes = before?.processes ?? []
  const isTaken = await livingSupervisor(state)
  if (isTaken || (before && !state.discard(before)) || !state.take({ ...supervisor.entry, processes })) {
    await tell({ is: 'taken' })
    if (process.connected) process.disconnect?.()
    return 1
  }

  const stopped = Promise.withResolvers<void>()
  let isStopping = false
  const stop = async (hurry: boolean) => {
    isStopping = true
    await supervisor.stop({ hurry })
    stopped.resolve()
  }
  let isUp = false
  // While starting nobody is being served: there is nothing to drain.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(!isUp))
  // Whoever asked is gone (a closed terminal): what nobody waits for is not started.
  process.on('disconnect', () => !isUp && void stop(true))

  try {
    await stopLeftovers(state, before)
    await supervisor.start()
    isUp = true
    await tell({ is: 'up' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const message = isStopping ? 'The stack was stopped while it was being started.' : reason
    logger.error({ err: error }, 'the stack did not start')
    await stop(true)
    await tell({ is: 'failed', message })
    if (process.connected) process.disconnect?.()
    return 1
  }
  await stopped.promise
  logger.info('stopped')
  return 0
}
