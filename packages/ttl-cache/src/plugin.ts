/** Fastify plugin: a store as `app.store`, swept while the server runs, in which routes may keep their answers. */
import fp from 'fastify-plugin'
import { cacheRoutes } from './route-cache.ts'
import type { RouteCaching } from './route-caching.ts'
import type { Store } from './store.ts'
import { startSweeper } from './sweeper.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How answers are kept, of routes that come after the plugin. Default: not at all. */
    cache?: RouteCaching
  }
  interface FastifyInstance {
    store: Store<object>
  }
}

/** `store`: the caller's own, whose type it keeps. */
export const ttlCache = fp<{ store: Store<object> }>(
  async (app, { store }) => {
    const stop = startSweeper(store)
    app.decorate('store', store)
    cacheRoutes(app, store)
    app.addHook('onClose', async () => {
      stop()
      store.clear()
    })
  },
  { name: '@spillway/ttl-cache', fastify: '5.x' },
)
