import { once } from 'node:events'
import http from 'node:http'
import { request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { balancer, echo, gateway, main, stop } from './world.ts'

interface Heard {
  event: string
  data: Record<string, unknown>
}

/** Listens as `curl -N` does: what it heard so far, and a promise for its end. */
async function listen(adminUrl: string) {
  const asking = http.get(`${adminUrl}/events`)
  onTestFinished(() => void asking.destroy())
  const [answer] = (await once(asking, 'response')) as [http.IncomingMessage]
  const heard: Heard[] = []
  let rest = ''
  answer.setEncoding('utf8').on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() as string
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
      if (event && data) heard.push({ event, data: JSON.parse(data) })
    }
  })
  // Broken off, by us or by the balancer; who cares asks `ended`.
  answer.on('error', () => {})
  const ended = new Promise<boolean>((resolve) => answer.once('close', () => resolve(answer.complete)))
  return { answer, heard, ended, leave: () => asking.destroy() }
}

describe('GET /events', () => {
  it('tells a transition when it happens, of the endpoint by its id', async () => {
    const dying = await gateway(echo)
    const { adminUrl, upstreams } = await balancer([dying.origin, (await gateway(echo)).origin])
    const { answer, heard } = await listen(adminUrl)
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    expect(answer.headers['x-request-id']).toBeDefined()
    upstreams.weigh(dying.origin, 2)
    upstreams.usePolicy('random')
    stop(dying.server)
    const transitions = () => heard.filter(({ event }) => event === 'transition').map(({ data }) => data)
    await expect.poll(() => transitions().length, { timeout: 10_000 }).toBe(3)
    const { endpoints } = (await (await request(`${adminUrl}/upstreams`)).body.json()) as {
      endpoints: { id: string }[]
    }
    const about = { at: expect.stringMatching(/^\d{4}-.*Z$/), cluster: 'gateway' }
    const { id } = endpoints[0] as { id: string }
    expect(transitions()).toEqual([
      { ...about, id, endpoint: dying.origin, from: 'up', to: 'up', weight: 2, reason: 'by an operator' },
      { ...about, endpoint: 'gateway', from: 'round-robin', to: 'random', reason: 'by an operator' },
      { ...about, id, endpoint: dying.origin, from: 'up', to: 'down', reason: expect.any(String) },
    ])
  })

  it('tells each second what passed, by cluster and by endpoint', async () => {
    const { origin } = await gateway(echo)
    const { url, adminUrl } = await balancer([origin])
    await (await request(url)).body.dump()
    const { heard } = await listen(adminUrl)
    for (let i = 0; i < 5; i++) await (await request(url)).body.dump()
    const figures = () => heard.filter(({ event }) => event === 'figures').map(({ data }) => data)
    const requests = () => figures().reduce((sum, data) => sum + (data['requests'] as number), 0)
    await expect.poll(() => [figures().length > 1, requests()], { timeout: 5000 }).toEqual([true, 5])
    const busy = figures().find((data) => data['requests'] !== 0)
    expect(busy).toMatchObject({
      cluster: 'gateway',
      failures: 0,
      inFlight: 0,
      p50Ms: expect.any(Number),
      p99Ms: expect.any(Number),
    })
    expect(busy?.['endpoints']).toMatchObject([{ origin, condition: 'up', intent: 'active', failures: 0 }])
  })

  it('takes 16 listeners and no more, until one leaves', async () => {
    const { adminUrl } = await balancer([(await gateway(echo)).origin])
    expect((await request(`${adminUrl}/events`, { method: 'HEAD' })).statusCode).toBe(405)
    const listeners = await Promise.all(Array.from({ length: 16 }, () => listen(adminUrl)))
    const refused = await request(`${adminUrl}/events`)
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '5'])
    expect(await refused.body.json()).toMatchObject({ code: 'too_many_listeners' })
    listeners[0]?.leave()
    const status = async () => {
      const answer = await request(`${adminUrl}/events`)
      answer.body.on('error', () => {}).destroy()
      return answer.statusCode
    }
    await expect.poll(status).toBe(200)
  })

  it('drops a listener that does not read, and goes on telling the others', { timeout: 60_000 }, async () => {
    const { adminUrl, clusters } = await balancer([(await gateway(echo)).origin])
    const slow = await listen(adminUrl)
    slow.answer.pause()
    const other = await listen(adminUrl)
    const transitions = ({ heard }: typeof slow) => heard.filter(({ event }) => event === 'transition').length
    const change = { upstream: 'gateway', endpoint: 'http://x', from: 'a', to: 'b', reason: 'x'.repeat(1000) }
    // 20 MB: what the system holds for a connection comes on top of what we do, and is a few megabytes.
    for (let told = 500; told <= 20_000; told += 500) {
      for (let i = 0; i < 500; i++) clusters.events.emit('transition', change)
      await expect.poll(() => transitions(other), { timeout: 10_000, interval: 1 }).toBe(told)
    }
    slow.answer.resume()
    expect(await slow.ended).toBe(false)
    expect(transitions(slow)).toBeLessThan(20_000)
  })

  it('ends when the process stops, and does not hold it up', async () => {
    const { origin } = await gateway(echo)
    const { adminUrl, child, lines, ended } = await main({ SPILLWAY_UPSTREAMS: origin })
    const listener = await listen(adminUrl)
    child.kill('SIGTERM')
    await expect.poll(() => lines.some(({ msg }) => msg === 'draining')).toBe(true)
    child.kill('SIGTERM')
    expect(await listener.ended).toBe(true)
    expect((await ended).code).toBe(0)
  })
})
