/** The process that stays in the background: takes the stack, runs a Supervisor, tells `make up` how it goes. */
import { createLogger } from '@spillway/service'
import { livingSupervisor, stopLeftovers } from './leftovers.ts'
import type { Environment, Settings } from './settings.ts'
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
    return 1
  }

  const stopped = Promise.withResolvers<void>()
  const stop = () => void supervisor.stop().then(stopped.resolve)
  process.on('SIGTERM', stop).on('SIGINT', stop)
  process.on('SIGUSR2', () => void supervisor.handOver())
  process.on('SIGHUP', () => supervisor.reload())
  // Whoever asked is gone (a closed terminal): what nobody waits for is not started.
  process.on('disconnect', () => supervisor.phase === 'starting' && stop())

  try {
    await stopLeftovers(state, before)
    await supervisor.start()
    await tell({ is: 'up' })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const isStopping = supervisor.phase === 'stopping'
    const message = isStopping ? 'The stack was stopped while it was being started.' : reason
    logger.error({ err: error }, 'the stack did not start')
    await supervisor.stop()
    await tell({ is: 'failed', message })
    return 1
  }
  await stopped.promise
  logger.info('stopped')
  return 0
}
