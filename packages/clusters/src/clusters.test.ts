import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createContext } from '@spillway/service'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Clusters } from './clusters.ts'
import type { ClusterPlan } from './plan.ts'

async function server(): Promise<{ origin: string; server: Server }> {
  const server = createServer((_request, response) => response.end('answered')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

function plan(...endpoints: string[]): ClusterPlan {
  const source = { endpoints, check: false } as const
  return { source, options: source }
}

function clustersOf(plans: Record<string, ClusterPlan>): Clusters {
  const clusters = new Clusters(createContext('test', { LOG_LEVEL: 'silent' }), plans)
  onTestFinished(() => clusters.close())
  return clusters
}

describe('a change of clusters', () => {
  it('keeps what stays, and what has another list of endpoints', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const clusters = clustersOf({ same: plan(a.origin), moved: plan(a.origin), gone: plan(a.origin) })
    const { same, moved } = Object.fromEntries(clusters.current)
    const change = clusters.change({ same: plan(a.origin), moved: plan(b.origin), fresh: plan(b.origin) })
    await change.known()
    change.apply()
    expect([...clusters.current.keys()]).toEqual(['same', 'moved', 'fresh'])
    expect(clusters.current.get('same')).toBe(same)
    expect(clusters.current.get('moved')?.upstreams).toBe(moved?.upstreams)
    expect(moved?.upstreams.endpoints().map(({ origin }) => origin)).toEqual([b.origin])
  })

  it('that is refused leaves all as it was', async () => {
    const [a, b] = await Promise.all([server(), server()])
    const clusters = clustersOf({ shop: plan(a.origin) })
    const before = clusters.current
    const change = clusters.change({ shop: plan(b.origin), fresh: plan(b.origin) })
    await change.known()
    change.refuse()
    expect(clusters.current).toBe(before)
    expect(
      clusters
        .all()
        .flatMap(({ upstreams }) => upstreams.endpoints())
        .map(({ origin }) => origin),
    ).toEqual([a.origin])
  })

  it('closes what leaves only when nobody sends there any more', async () => {
    const [used, idle] = await Promise.all([server(), server()])
    const clusters = clustersOf({ used: plan(used.origin), idle: plan(idle.origin) })
    const { used: first, idle: second } = Object.fromEntries(clusters.current)
    const ask = async (cluster: typeof first) => {
      const answer = await cluster?.dispatcher.request({ origin: 'http://any', path: '/', method: 'GET' })
      return answer?.body.text()
    }
    const closed = ({ server: upstream }: typeof used) =>
      expect
        .poll(() => new Promise((resolve) => upstream.getConnections((_error, count) => resolve(count))), {
          timeout: 5000,
        })
        .toBe(0)
    expect([await ask(first), await ask(second)]).toEqual(['answered', 'answered'])
    const unused = Promise.withResolvers<void>()
    clusters.change({ idle: plan(idle.origin) }).apply(unused.promise)
    clusters.change({}).apply()
    // The second left later, and is closed.
    await closed(idle)
    await expect(ask(second)).rejects.toThrow()
    expect(await ask(first)).toBe('answered')
    unused.resolve()
    await closed(used)
    await expect(ask(first)).rejects.toThrow()
  })
})
