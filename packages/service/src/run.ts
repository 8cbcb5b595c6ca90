/** Boots a service and stops it: settings, listeners, signals, draining. Only `main.ts` files call it. */
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { TProperties } from 'typebox'
import type { ServiceContext } from './app.ts'
import { type BootOptions, boot } from './boot.ts'
import { ConfigError, type ConfigOf } from './config.ts'
import type { common } from './settings.ts'
import { YamlError } from './yaml-file.ts'

/** A server and where it is to listen. */
interface Listener {
  app: Pick<FastifyInstance, 'listen' | 'close' | 'server'>
  host: string
  port: number
}

export interface RunOptions<T extends TProperties> extends BootOptions<T> {
  /** Builds the servers, in the order in which they start to listen; they close in the reverse order. */
  build: (config: ConfigOf<T>, context: ServiceContext) => Promise<readonly Listener[]>
  /**
   * `graceful` (the default): on SIGTERM `/ready` says so and the listeners stay open 5 s, so that whoever balances over
   * us looks elsewhere; then requests under way may end. A second SIGTERM skips the 5 s. `immediate`: everything is
   * dropped at once, for a service whose callers rely on noticing.
   */
  drain?: 'graceful' | 'immediate'
  /** Calls `stop` whenever the process is asked to stop, with who asked. Default: at SIGTERM and SIGINT. */
  onStop?: (stop: (asked: string) => void) => void
}

const HOLD_LISTENER_MS = 5_000
/** Requests still under way are cut then, so that all is over after 10 s. */
const CUT_AFTER_MS = 9_500
const STOP_WITHIN_MS = 10_000
const SWEEP_EVERY_MS = 100

/** Runs until it is asked to stop, then ends the process. Exit codes: 0 stopped as asked, 1 could not start, stop or go on. */
export async function run<T extends TProperties & typeof common>(options: RunOptions<T>): Promise<void> {
  const { config, context } = boot(options)
  const { logger, lifecycle } = context
  const listeners: Listener[] = []
  const hold = Promise.withResolvers<void>()
  const { onStop = onSignal } = options
  onStop((asked) => {
    if (lifecycle.state === 'draining') return hold.resolve()
    lifecycle.drain()
    logger.info({ asked }, 'draining')
    void stop(listeners, logger, options.drain ?? 'graceful', hold)
  })

  try {
    for (const listener of await options.build(config, context)) {
      listeners.push(listener)
      await listener.app.listen({ host: listener.host, port: listener.port, listenTextResolver: () => 'listening' })
    }
  } catch (error) {
    // Somebody's file, not a defect of ours: its mistakes are to be read, one a line.
    if (error instanceof YamlError || error instanceof ConfigError)
      process.stderr.write(`${options.service}: ${error.message}\n`)
    else logger.fatal({ err: error }, startFailure(error, config))
    process.exit(1)
  }
  if (lifecycle.state !== 'starting') return
  lifecycle.ready()
  logger.info({ urls: listeners.map(({ app }) => url(app)) }, 'ready')
}

function onSignal(stop: (asked: string) => void): void {
  process.on('SIGTERM', stop).on('SIGINT', stop)
}

/** Closes everything, what opened last first, and ends the process, and with it the timers set here. */
async function stop(
  listeners: readonly Listener[],
  logger: Logger,
  drain: 'graceful' | 'immediate',
  hold: PromiseWithResolvers<void>,
): Promise<void> {
  const each = (act: (server: Listener['app']['server']) => void) => {
    for (const { app } of listeners) act(app.server)
  }
  setTimeout(() => {
    logger.warn(`what was still under way after ${CUT_AFTER_MS} ms is cut`)
    each((server) => server.closeAllConnections())
  }, CUT_AFTER_MS)
  setTimeout(() => {
    logger.fatal(`could not stop within ${STOP_WITHIN_MS} ms`)
    process.exit(1)
  }, STOP_WITHIN_MS)
  if (drain === 'immediate') {
    each((server) => server.close())
    each((server) => server.closeAllConnections())
  } else if (listeners.length > 0) {
    setTimeout(hold.resolve, HOLD_LISTENER_MS)
    await hold.promise
    // A head that went out before the draining promised to keep its connection; once idle it would be waited for.
    setInterval(() => each((server) => server.closeIdleConnections()), SWEEP_EVERY_MS)
  }
  for (const { app } of listeners.toReversed()) await app.close()
  logger.info('stopped')
  process.exit(0)
}

function startFailure(error: unknown, config: object): string {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code !== 'EADDRINUSE') return `could not start: ${error instanceof Error ? error.message : String(error)}`
  const setting = Object.entries(config).find(([name, value]) => name.endsWith('PORT') && value === port)
  return `port ${port} is in use; set ${setting?.[0] ?? 'PORT'} to another one`
}

function url(app: Listener['app']): string {
  const address = app.server.address()
  if (address === null || typeof address === 'string') return String(address)
  const scheme = 'setSecureContext' in app.server ? 'https' : 'http'
  return `${scheme}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
}
