/** Fastify plugin: `GET /metrics` in Prometheus' text form, for one process. */
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Registry } from 'prom-client'

/** A registry with the process's own metrics: CPU, memory, event-loop lag, garbage collection, open handles. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

export const metrics = fp<{ registry: Registry }>(
  async (app, { registry }) => {
    app.get('/metrics', { schema: { hide: true } as object }, async (_request, reply) => {
      reply.header('content-type', registry.contentType).header('cache-control', 'no-store')
      return registry.metrics()
    })
  },
  { name: '@spillway/metrics', fastify: '5.x' },
)
