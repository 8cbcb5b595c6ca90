/** The cache service as a server that listens to nothing yet. */
import { randomBytes } from 'node:crypto'
import { Ledger } from '@spillway/cache-client'
import { createApp, type ServiceContext } from '@spillway/service'
import { s3Fifo, TtlCache, ttlCache } from '@spillway/ttl-cache'
import { Coherence } from './coherence.ts'
import type { Config } from './config.ts'
import type { Stored } from './leases.ts'
import { measure } from './measure.ts'
import { entries } from './routes/entries.ts'
import { limits } from './routes/limits.ts'
import { purge } from './routes/purge.ts'
import { sessions } from './routes/sessions.ts'
import { stats } from './routes/stats.ts'

/** Sessions end, leases lapse and purges are answered late by this much at most. */
const TICK_MS = 100

export async function buildApp(config: Config, context: ServiceContext) {
  const clock = () => performance.now()
  const store = new TtlCache<Stored>({ maxBytes: config.CACHE_MAX_BYTES, policy: s3Fifo, clock })
  const coherence = new Coherence({ epoch: randomBytes(8).toString('hex'), store, clock })
  const ledger = new Ledger()
  const app = await createApp(context)

  await app.register(ttlCache, { store })
  measure(context.registry, store, coherence, ledger)
  await app.register(sessions, { coherence })
  await app.register(entries, { coherence, clock })
  await app.register(purge, { coherence })
  await app.register(limits, { ledger, coherence, clock })
  await app.register(stats, { coherence, store, clock })

  app.addHook('onListen', async () => coherence.begin())
  const timer = setInterval(() => coherence.tick(), TICK_MS)
  app.addHook('preClose', async () => {
    clearInterval(timer)
    coherence.stop()
  })
  return app
}
