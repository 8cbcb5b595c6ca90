import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { retry } from '../src/index.ts'
import { ask, named, over, until, upstream } from './servers.ts'

it('of an endpoint tell how many connections its requests took, and how long their answers’ heads', async () => {
  const { origin, server } = await upstream((request, response) => {
    response.write('head')
    setTimeout(() => response.end(), request.url === '/slow' ? 300 : 0)
  })
  const { upstreams } = await over([origin])
  expect(upstreams.stats().endpoints).toMatchObject([{ origin, opened: 0, connections: 0, heads: { sumMs: 0 } }])
  for (const path of ['/', '/', '/slow']) {
    await ask(upstreams, { path })
    // undici frees the connection once the handler has returned.
    await setImmediate()
  }
  const [stats] = upstreams.stats().endpoints
  expect(stats).toMatchObject({ opened: 1, connections: 1 })
  expect(stats?.heads.counts.reduce((sum, count) => sum + count)).toBe(3)
  // The body's 300 ms are none of it.
  expect(stats?.heads.counts.slice(-5)).toEqual([0, 0, 0, 0, 0])
  server.closeAllConnections()
  await until(() => upstreams.stats().endpoints[0]?.connections === 0)
  await ask(upstreams)
  expect(upstreams.stats().endpoints).toMatchObject([{ opened: 2 }])
})

it('of a cluster tell what its retry budget has left, where retrying uses it', async () => {
  const { origin } = await upstream((_request, response) => response.writeHead(503, { 'retry-after': '1' }).end())
  const { upstreams } = await over([origin, (await named('b')).origin])
  const dispatcher = upstreams.compose(retry({ budget: upstreams.budget }))
  expect(upstreams.stats().retriesLeft).toBe(100)
  for (let asked = 0; asked < 4; asked++) await ask(dispatcher)
  // Four requests give a fifth each, which is no whole retry, and two of them were sent again.
  expect(upstreams.stats().retriesLeft).toBe(98)
})

it('of a cluster tell what became of lookups', async () => {
  const answers = ['127.0.0.1']
  const resolve = async () => answers.splice(0)
  const { upstreams } = await over(['dns+http://spillway.test:1', (await named('b')).origin], { resolve, usable: 1 })
  expect(upstreams.stats().lookups).toEqual({ answered: 1, failed: 0 })
  await until(() => upstreams.stats().lookups.failed > 0)
  expect(upstreams.stats().lookups.answered).toBe(1)
})
