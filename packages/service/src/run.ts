/** Boots a service and stops it: settings, listeners, signals, draining. Only `main.ts` files call it. */
import { once } from 'node:events'
import { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { TProperties } from 'typebox'
import type { ServiceContext } from './app.ts'
import { type BootOptions, boot } from './boot.ts'
import { ConfigError, type ConfigOf } from './config.ts'
import { isSupervised, says, tell } from './handover.ts'
import type { common } from './settings.ts'
import { type Address, FIRST_SOCKET, givenSockets, resolved } from './sockets.ts'
import { YamlError } from './yaml-file.ts'

/** A server and where it is to listen. */
interface Listener extends Address {
  app: Pick<FastifyInstance, 'listen' | 'close' | 'server'> & { ready(): PromiseLike<unknown> }
  /** Awaited before it accepts from a socket it was given: whoever connects meanwhile waits, or is served by another. */
  prepare?: () => Promise<void>
}

export interface RunOptions<T extends TProperties> extends BootOptions<T> {
  /**
   * Builds the servers, in the order in which they start to listen; they close in the reverse order. Sockets that are
   * given (`LISTEN_FDS`) are for the last ones: the first such socket for the last server.
   */
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
/** What has just been accepted is idle for Node until its first request arrives, which has this long. */
const FIRST_REQUEST_WITHIN_MS = 500

/** As `drain` says; or, at a hand-over, with the listeners closed at once. */
type Stop = 'graceful' | 'immediate' | 'yield'

/** What there is to stop. */
interface Running {
  readonly logger: Logger
  readonly listeners: Listener[]
  /** How many of them listen on sockets that were given: others accept from these later. */
  given: number
  /** Resolves when it need not go on as if nothing was. */
  readonly hold: PromiseWithResolvers<void>
}

/** Runs until it is asked to stop, then ends the process. Exit codes: 0 stopped as asked, 1 could not start, stop or go on. */
export async function run<T extends TProperties & typeof common>(options: RunOptions<T>): Promise<void> {
  const { config, context } = boot(options)
  const { logger, lifecycle } = context
  const running: Running = { logger, listeners: [], given: 0, hold: Promise.withResolvers() }
  const stopBy = (asked: string, how: Stop) => {
    if (lifecycle.state === 'draining') return running.hold.resolve()
    lifecycle.drain()
    logger.info({ asked }, 'draining')
    void stop(running, how)
  }
  const supervised = isSupervised(options.environment)
  // Ctrl-C reaches a supervisor, too, and heard twice it would cut the draining short.
  const onSignal = (stop: (asked: string) => void) =>
    process.on('SIGTERM', stop).on('SIGINT', supervised ? () => {} : stop)
  const { onStop = onSignal, drain = 'graceful' } = options
  onStop((asked) => stopBy(asked, drain))
  // Nobody would stop it any more.
  if (supervised) process.on('disconnect', () => stopBy('the end of its supervisor', drain))

  try {
    const built = await options.build(config, context)
    const given = givenSockets(options.environment, built.length)
    running.given = given
    if (given > 0) await Promise.all(built.flatMap(({ app, prepare }) => [app.ready(), prepare?.()]))
    if (supervised) {
      const turn = says(process, 'accept')
      tell(process, 'prepared')
      await turn
    }
    for (const [index, listener] of built.entries()) {
      running.listeners.push(listener)
      const socket = built.length - 1 - index
      // For `localhost`, which it is without a host, Fastify opens a second server on that name's other address, which
      // knows nothing of what this one refuses.
      const where = socket < given ? { fd: FIRST_SOCKET + socket, host: '' } : await resolved(listener)
      await listener.app.listen({ ...where, listenTextResolver: () => 'listening' })
    }
    if (supervised) void yieldWhenTold(running, stopBy)
  } catch (error) {
    // Somebody's file, not a defect of ours: its mistakes are to be read, one a line.
    if (error instanceof YamlError || error instanceof ConfigError)
      process.stderr.write(`${options.service}: ${error.message}\n`)
    else logger.fatal({ err: error }, startFailure(error, config))
    process.exit(1)
  }
  if (lifecycle.state !== 'starting') return
  lifecycle.ready()
  logger.info({ urls: running.listeners.map(({ app }) => url(app)) }, 'ready')
  tell(process, 'ready')
}

async function yieldWhenTold({ listeners, hold }: Running, stop: (asked: string, how: Stop) => void): Promise<void> {
  if (!(await says(process, 'yield'))) return
  const closed = listeners.map(({ app }) => once(app.server, 'close'))
  acceptNoMore(listeners)
  tell(process, 'yielded')
  stop('a hand-over', 'yield')
  await Promise.all(closed)
  hold.resolve()
}

/** Unlike an HTTP server's own `close`, which closes idle connections, too: a request may be on its way on any of them. */
function acceptNoMore(listeners: readonly Listener[]): void {
  for (const { app } of listeners) Server.prototype.close.call(app.server)
}

/** Closes everything, what opened last first, and ends the process, and with it the timers set here. */
async function stop({ listeners, logger, hold, given }: Running, how: Stop): Promise<void> {
  const each = (act: (server: Listener['app']['server']) => void) => {
    for (const { app } of listeners) act(app.server)
  }
  // A head that went out before the draining promised to keep its connection; once idle it would be waited for.
  const sweep = () => setInterval(() => each((server) => server.closeIdleConnections()), SWEEP_EVERY_MS)
  setTimeout(() => {
    logger.warn(`what was still under way after ${CUT_AFTER_MS} ms is cut`)
    hold.resolve()
    each((server) => server.closeAllConnections())
  }, CUT_AFTER_MS)
  setTimeout(() => {
    logger.fatal(`could not stop within ${STOP_WITHIN_MS} ms`)
    process.exit(1)
  }, STOP_WITHIN_MS)
  if (how === 'immediate') {
    each((server) => server.close())
    each((server) => server.closeAllConnections())
  } else if (listeners.length > 0) {
    // Closing an app cuts its upgraded connections; who yielded has until the cut for them.
    setTimeout(how === 'yield' ? sweep : hold.resolve, HOLD_LISTENER_MS)
    await hold.promise
    if (how === 'graceful' && given > 0) {
      acceptNoMore(listeners)
      await delay(FIRST_REQUEST_WITHIN_MS)
    }
    sweep()
  }
  for (const { app } of listeners.toReversed()) await app.close()
  logger.info('stopped')
  process.exit(0)
}

/** What to tell people of a failure to start. */
export function startFailure(error: unknown, config: object): string {
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
