/** A gateway over a real cache service and one foreign upstream, for a test file; ended with it. */
import { afterAll, beforeEach } from 'vitest'
import { type Gateway, startGateway, usable } from './gateway.ts'
import { startService } from './processes.ts'
import { startUpstream, type Upstream } from './upstream.ts'

/**
 * @param routes the routes file, whose upstream is `db`
 * @param answer what the upstream answers; what it was asked is forgotten before each test
 */
export async function gatewayOver(
  routes: string,
  answer: Parameters<typeof startUpstream>[0],
): Promise<{ gateway: Gateway; upstream: Upstream }> {
  const cache = await startService('cache/src/main.ts')
  const upstream = await startUpstream(answer)
  const gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  afterAll(async () => {
    await gateway.close()
    await upstream.close()
    await cache.stop()
  })
  beforeEach(() => {
    upstream.asked.length = 0
  })
  await usable(gateway)
  return { gateway, upstream }
}
