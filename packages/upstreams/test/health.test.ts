import { Client } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { check } from '../src/check.ts'
import { wanted } from '../src/check-spec.ts'
import { retry } from '../src/index.ts'
import { ask, named, over, until, upstream } from './servers.ts'

describe('active checks', () => {
  it('bring every endpoint up at once and are no requests', async () => {
    const a = await named('a')
    const began = performance.now()
    const { transitions, upstreams } = await over([a.origin])
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(transitions).toEqual(['0 starting -> up: its checks pass'])
    expect(upstreams.endpoints()).toMatchObject([{ requests: 0, inFlight: 0 }])
  })

  it('take a draining endpoint out and bring it back when it is ready again', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams, transitions } = await over([a.origin, b.origin])
    a.readiness.status = 503
    a.readiness.body = '{"status":"draining"}'
    await until(() => upstreams.available === 1)
    expect(upstreams.endpoints()).toMatchObject([{ intent: 'draining', condition: 'up', available: false }, {}])
    for (let count = 0; count < 4; count++) expect((await ask(upstreams)).body).toBe('b')
    a.readiness.status = 200
    await until(() => upstreams.available === 2)
    expect(transitions.slice(2)).toEqual([
      '0 active -> draining: it says so',
      '0 draining -> active: it is ready again',
    ])
  })

  it.each([
    [2_000, { outcome: 'bad', reason: 'check not answered in 2000 ms', refused: false }],
    [2_300, { outcome: 'void' }],
  ])('that time out are void if our own event loop was late: after %i ms', async (now, finding) => {
    const asked = Promise.withResolvers<void>()
    const { origin, server } = await named('a')
    server.removeAllListeners('request').on('request', () => asked.resolve())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const times = [0, now]
    const clock = () => times.shift() ?? now
    const endpoint = { newcomer: () => new Client(origin) }
    const checked = check(endpoint, { wanted: wanted({}), clock }, new AbortController().signal)
    await asked.promise
    vi.advanceTimersByTime(2_000)
    expect(await checked).toEqual(finding)
  })

  it('leave an endpoint alone that says it is overloaded, until the third time', async () => {
    const a = await named('a')
    const { upstreams, transitions } = await over([a.origin])
    a.readiness.status = 503
    a.readiness.body = 'not JSON'
    await until(() => upstreams.available === 0)
    expect(transitions.slice(1)).toEqual(['0 up -> down: check answered 503; 200-299 wanted'])
    expect(upstreams.endpoints()).toMatchObject([{ condition: 'down', reason: 'check answered 503; 200-299 wanted' }])
  })
})

it('an endpoint killed under load costs no idempotent request, takes no more, and returns when it is back', {
  timeout: 30_000,
}, async () => {
  const [a, b, c] = [await slow('a'), await slow('b'), await slow('c')]
  const { upstreams } = await over([a.origin, b.origin, c.origin])
  const dispatcher = upstreams.compose(retry())
  const answers = new Map<string, number>()
  let loading = true
  const load = Array.from({ length: 32 }, async () => {
    while (loading) {
      const { body } = await ask(dispatcher)
      answers.set(body, (answers.get(body) ?? 0) + 1)
    }
  })
  for (const victim of [a, b]) {
    await until(() => victim.seen.length > 20)
    victim.kill()
    const dead = () => upstreams.endpoints().find(({ origin }) => origin === victim.origin)
    await until(() => dead()?.reason === 'connection_refused')
    await victim.revive()
    const seen = victim.seen.length
    await until(() => victim.seen.length > seen + 20)
  }
  loading = false
  await Promise.all(load)
  expect(upstreams.endpoints().map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
})

const slow = (name: string) =>
  upstream((_request, response) => {
    setTimeout(() => response.end(name), 5)
  })
