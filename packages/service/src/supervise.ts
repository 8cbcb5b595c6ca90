/** A small process above a service's own: keeps its sockets open, starts it again when it dies, has a new one take over. */
import type { TProperties } from 'typebox'
import { type BootOptions, boot } from './boot.ts'
import type { ConfigOf } from './config.ts'
import { startFailure } from './run.ts'
import type { common } from './settings.ts'
import { type Address, holdSockets } from './sockets.ts'
import { Supervised } from './supervised.ts'

export interface SuperviseOptions<T extends TProperties> extends BootOptions<T> {
  /** The file that runs the service. */
  entry: string
  /** Where it listens, the last of its servers first. */
  addresses: (config: ConfigOf<T>) => readonly Address[]
  /** Signals that mean something else to it than its end. */
  passesOn: readonly NodeJS.Signals[]
}

/** The process itself needs 10 s at most; then it hangs. */
const STOP_WITHIN_MS = 11_000

/**
 * For a process that was told `SUPERVISED=1`. Runs until it is asked to stop, then ends the process: with 0, or with 1
 * where the service could not start. SIGUSR2 hands over to a new process (as nginx and HAProxy have it).
 */
export async function supervise<T extends TProperties & typeof common>(options: SuperviseOptions<T>): Promise<never> {
  const { service, entry, environment } = options
  const { config, context } = boot(options)
  const { logger } = context
  try {
    const sockets = await holdSockets(environment, options.addresses(config))
    const command = { file: process.execPath, args: [entry], env: { ...environment, SUPERVISED: '0' } }
    const supervised = new Supervised({ name: service, command, sockets }, (_, what) => {
      logger.info(`${service} ${what}`)
    })
    const stopped = Promise.withResolvers<void>()
    let stopping = false
    const stop = () => {
      if (stopping) return supervised.hurry()
      stopping = true
      void supervised.stop({ insist: false, withinMs: STOP_WITHIN_MS }).then(stopped.resolve)
    }
    process.on('SIGTERM', stop).on('SIGINT', stop)
    for (const each of options.passesOn) {
      process.on(each, (signal) => {
        if (!supervised.signal(signal)) logger.warn(`${service} is not ready, and did not get ${signal}`)
      })
    }
    process.on('SIGUSR2', () => {
      supervised.handOver().catch((err: unknown) => logger.error({ err }, 'the hand-over failed'))
    })
    await supervised.start().catch((error) => {
      if (!stopping) throw error
    })
    await stopped.promise
  } catch (error) {
    logger.fatal({ err: error }, startFailure(error, config))
    process.exit(1)
  }
  process.exit(0)
}
