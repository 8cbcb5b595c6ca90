/** Fastify plugin: `GET /metrics` in Prometheus' text form. */
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Registry } from 'prom-client'

/** A registry with the process's own metrics: CPU, memory, event-loop lag, garbage collection, open handles. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

export interface MetricsOptions {
  registry: Registry
  /** What to answer, where that is more than this process, as of `clusterMetrics`. Default: the registry's metrics. */
  read?: (() => Promise<string>) | undefined
}

export const metrics = fp<MetricsOptions>(
  async (app, { registry, read = () => registry.metrics() }) => {
    app.get('/metrics', { schema: { hide: true } as object }, async (_request, reply) => {
      reply.header('content-type', registry.contentType).header('cache-control', 'no-store')
      return read()
    })
  },
  { name: '@spillway/metrics', fastify: '5.x' },
)
