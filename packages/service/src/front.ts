/** A listening server whose requests one app answers after another: Fastify cannot take a route away. */
import type { FastifyInstance } from 'fastify'
import { type AppOptions, createApp, type ServiceContext } from './app.ts'
import { Traffic } from './traffic.ts'

export interface Front {
  /** Listens, and closes; has no routes. */
  readonly app: Awaited<ReturnType<typeof createApp>>
  /** For the apps that answer, so that what is counted of requests goes on. */
  readonly traffic: Traffic
  /**
   * From now on `next` answers, which must be ready. Resolves when the one before has ended all that it began, tunnels too;
   * who closes them is the caller's matter.
   */
  pass(next: FastifyInstance): Promise<void>
}

export async function createFront(context: ServiceContext, options: Pick<AppOptions, 'tls'> = {}): Promise<Front> {
  const traffic = new Traffic(context.registry)
  const app = await createApp(context, { ...options, traffic, operators: false })
  let behind: FastifyInstance | undefined
  let answer = app.routing
  const routing: typeof answer = (raw, response) => answer(raw, response)
  // Fastify's own listener; and `app.routing` is whom intake asks for upgrades.
  app.server.off('request', app.routing).on('request', routing)
  app.routing = routing
  return {
    app,
    traffic,
    async pass(next) {
      const before = behind
      behind = next
      answer = next.routing
      await before?.underway.none()
    },
  }
}
