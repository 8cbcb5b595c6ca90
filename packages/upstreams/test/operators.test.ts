import { describe, expect, it } from 'vitest'
import type { PolicyName, Transition } from '../src/index.ts'
import { ask, named, over } from './servers.ts'

async function bodies(upstreams: Parameters<typeof ask>[0], count: number): Promise<string[]> {
  const answers: string[] = []
  for (let asked = 0; asked < count; asked++) answers.push((await ask(upstreams)).body)
  return answers
}

describe('an operator', () => {
  it('drains an endpoint, which finishes what it has, and takes that back', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams, transitions } = await over([a.origin, b.origin])
    expect(upstreams.drain(a.origin)).toBe(true)
    expect(upstreams.endpoints()).toMatchObject([{ intent: 'draining', drained: true, available: false }, {}])
    expect(await bodies(upstreams, 3)).toEqual(['b', 'b', 'b'])
    upstreams.undrain(a.origin)
    expect(new Set(await bodies(upstreams, 2))).toEqual(new Set(['a', 'b']))
    expect(transitions.slice(2)).toEqual([
      '0 active -> draining: by an operator',
      '0 draining -> active: by an operator',
    ])
  })

  it('ejects more endpoints than their failures may', async () => {
    const servers = [await named('a'), await named('b'), await named('c'), await named('d')]
    const origins = servers.map(({ origin }) => origin)
    const { upstreams } = await over(origins)
    for (const origin of origins.slice(0, 2)) upstreams.eject(origin)
    expect(upstreams.endpoints().map(({ condition }) => condition)).toEqual(['ejected', 'ejected', 'up', 'up'])
    expect(new Set(await bodies(upstreams, 4))).toEqual(new Set(['c', 'd']))
    for (const origin of origins.slice(0, 2)) upstreams.undrain(origin)
    expect(upstreams.available).toBe(4)
    expect(upstreams.stats().ejections).toEqual({ 'by an operator': 2 })
  })

  it('weighs an endpoint, and is told the bounds of weights', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const told: Transition[] = []
    const { upstreams } = await over([a.origin, { url: b.origin, weight: 2, backup: false, max: 7 }], {
      usable: 2,
      onTransition: (transition) => told.push(transition),
    })
    expect(upstreams.endpoints()).toMatchObject([
      { weight: 1, backup: false, max: undefined },
      { weight: 2, backup: false, max: 7 },
    ])
    expect((await bodies(upstreams, 6)).sort()).toEqual(['a', 'a', 'b', 'b', 'b', 'b'])
    upstreams.weigh(b.origin, 5)
    expect((await bodies(upstreams, 6)).sort()).toEqual(['a', 'b', 'b', 'b', 'b', 'b'])
    expect(told.at(-1)).toEqual({ endpoint: b.origin, from: 'up', to: 'up', reason: 'by an operator', weight: 5 })
    expect(() => upstreams.weigh(b.origin, 0)).toThrow(
      `weight of ${b.origin} is 0; it must be above 0 and at most 1000`,
    )
  })

  it('is told where no endpoint has that origin', async () => {
    const { upstreams } = await over([(await named('a')).origin])
    const stranger = 'http://127.0.0.1:1'
    expect([
      upstreams.drain(stranger),
      upstreams.undrain(stranger),
      upstreams.eject(stranger),
      upstreams.weigh(stranger, 1),
    ]).toEqual([false, false, false, false])
  })

  it('changes the policy of requests to come; what is counted stays', async () => {
    const [a, b] = [await named('a'), await named('b')]
    const { upstreams, transitions } = await over([a.origin, b.origin])
    await bodies(upstreams, 4)
    expect(upstreams.policy).toBe('round-robin')
    upstreams.usePolicy({ choose: () => 1 })
    expect(upstreams.policy).toBe('own')
    expect(await bodies(upstreams, 3)).toEqual(['b', 'b', 'b'])
    upstreams.usePolicy('round-robin')
    expect((await bodies(upstreams, 2)).sort()).toEqual(['a', 'b'])
    expect(upstreams.endpoints()).toMatchObject([{ requests: 3 }, { requests: 6 }])
    expect(transitions.slice(2)).toEqual([
      '-1 round-robin -> own: by an operator',
      '-1 own -> round-robin: by an operator',
    ])
    expect(() => upstreams.usePolicy('fastest' as PolicyName)).toThrow(
      /there is no policy fastest; there are round-robin/,
    )
  })
})
