import { describe, expect, it } from 'vitest'
import { ask, named, nobody, over, until, upstream } from './servers.ts'

describe('an update of the endpoints', () => {
  it('keeps what is known of those that stay, and tells who comes and leaves', async () => {
    const [a, b, c] = [await named('a'), await named('b'), await named('c')]
    const { upstreams, transitions } = await over([a.origin, b.origin])
    await ask(upstreams)
    await ask(upstreams)
    upstreams.weigh(b.origin, 3)
    const before = transitions.length
    upstreams.update([b.origin, c.origin])
    expect(upstreams.settled).toBe(false)
    await until(() => upstreams.settled)
    expect(upstreams.endpoints()).toMatchObject([
      { origin: b.origin, requests: 1, weight: 3, ramp: 1 },
      { origin: c.origin, requests: 0, condition: 'up' },
    ])
    // As cold as any that comes later.
    expect(upstreams.endpoints()[1]?.ramp).toBeLessThan(0.5)
    expect(transitions.slice(before)).toEqual([
      expect.stringContaining('up -> absent: the configuration names it no longer'),
      expect.stringContaining('absent -> starting: the configuration names it'),
      expect.stringContaining('starting -> up: its checks pass'),
    ])
  })

  it('lets what leaves finish, and sends it nothing more', async () => {
    const arrived = Promise.withResolvers<() => void>()
    const old = await upstream((_request, response) => arrived.resolve(() => response.end('at last')))
    const next = await named('next')
    const { upstreams } = await over([old.origin])
    const slow = ask(upstreams)
    const finish = await arrived.promise
    upstreams.update([old.origin, next.origin])
    await until(() => upstreams.available === 2)
    upstreams.update([next.origin])
    expect(await ask(upstreams)).toMatchObject({ body: 'next' })
    finish()
    expect(await slow).toMatchObject({ body: 'at last' })
  })

  it('gives one that stays the weight it names, unless that is what it named before', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams } = await over([a.origin, { url: b.origin, weight: 2 }])
    upstreams.weigh(a.origin, 7)
    upstreams.update([a.origin, { url: b.origin, weight: 5 }])
    expect(upstreams.endpoints()).toMatchObject([{ weight: 7 }, { weight: 5 }])
  })

  it('of bad endpoints is refused, and changes nothing', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams } = await over([a.origin, { url: b.origin, max: 5 }])
    const before = upstreams.endpoints()
    for (const [endpoints, complaint] of [
      [[], 'has no endpoints'],
      [[a.origin, a.origin], 'the same endpoint twice'],
      [['ftp://a'], 'must be an origin'],
      [
        [
          { url: a.origin, weight: 2 },
          { url: b.origin, max: 6 },
        ],
        `backup and max of ${b.origin} cannot change`,
      ],
      [[{ url: a.origin, backup: true }], `backup and max of ${a.origin} cannot change`],
    ] as const) {
      expect(() => upstreams.update(endpoints)).toThrow(complaint)
    }
    expect(upstreams.endpoints()).toEqual(before)
  })

  it('asks DNS for names that come, and for those that leave no longer', async () => {
    const a = await named('a')
    const { port } = new URL(a.origin)
    const asked: string[] = []
    const resolve = async (name: string) => {
      asked.push(name)
      return ['127.0.0.1']
    }
    const { upstreams } = await over([await nobody()], { usable: 0, resolve })
    upstreams.update([`dns+http://one.test:${port}`])
    await until(() => upstreams.settled)
    expect(upstreams.endpoints()).toMatchObject([{ origin: a.origin, condition: 'up' }])
    upstreams.update([`dns+http://two.test:${port}`])
    await until(() => upstreams.settled)
    expect(new Set(asked)).toEqual(new Set(['one.test', 'two.test']))
    expect(await ask(upstreams)).toMatchObject({ body: 'a' })
    expect(upstreams.stats().lookups).toEqual({ answered: 1, failed: 0 })
  })
})
