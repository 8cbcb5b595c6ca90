/** Fastify plugin: a store as `app.store`, swept while the server runs. */
import fp from 'fastify-plugin'
import type { Store } from './store.ts'
import { startSweeper } from './sweeper.ts'

declare module 'fastify' {
  interface FastifyInstance {
    store: Store<object>
  }
}

/** `store`: the caller's own, whose type it keeps. */
export const ttlCache = fp<{ store: Store<object> }>(
  async (app, { store }) => {
    const stop = startSweeper(store)
    app.decorate('store', store)
    app.addHook('onClose', async () => {
      stop()
      store.clear()
    })
  },
  { name: '@spillway/ttl-cache', fastify: '5.x' },
)
