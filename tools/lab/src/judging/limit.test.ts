import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { truthful } from '../../test/sample.ts'
import type { ProcessUse, Run } from '../run.ts'
import { limitOf } from './limit.ts'

const full = (role: string, use: Partial<ProcessUse> = {}): ProcessUse => ({
  name: `${role}-1`,
  role,
  count: 1,
  cores: 0.95,
  memory: 1,
  ...use,
})

function run(over: { load?: Partial<Run['load']>; served?: Partial<Run['served']> }, base = truthful()): Run {
  return { ...base, load: { ...base.load, ...over.load }, served: { ...base.served, ...over.served } }
}

describe('limitOf', () => {
  it('names the places of a gateway that are all taken while others wait, and lets another one help', () => {
    const found = limitOf(truthful({ gateways: 1 }))
    expect(found).toMatchObject({ limit: 'concurrency', helps: 'yes' })
    expect(found.sentence).toMatch(/19\.6 of 20 places were taken, and 556 requests stood in line/)
  })

  it('does not promise that more places help where the machine is full', () => {
    const base = truthful({ gateways: 1 })
    expect(limitOf(run({ served: { busy: 0.99 } }, base))).toMatchObject({ limit: 'concurrency', helps: 'unknown' })
  })

  it.each([
    ['nobody stands in line', { running: 20, waiting: 0 }],
    ['places are free', { running: 17, waiting: 3 }],
    ['there is no limit', { concurrency: 0, running: 60, waiting: 3 }],
  ])('does not blame concurrency where %s', (_, use) => {
    const base = truthful({ gateways: 1 })
    const gateways = base.served.gateways.map((gateway) => ({ ...gateway, ...use }))
    expect(limitOf(run({ served: { gateways } }, base)).limit).toBe('users')
  })

  it.each([
    ['a gateway, with cores idle', [full('gateway')], 0.35, 'yes', /gateway-1 used 0\.95 cores.*5\.2 cores were idle/],
    ['a gateway, with hardly a core idle', [full('gateway')], 0.92, 'unknown', /0\.64 idle cores/],
    ['a gateway, with none idle', [full('gateway')], 0.96, 'no', /0\.32 idle cores/],
    ['the balancer', [full('gateway'), full('balancer')], 0.35, 'no', /balancer-1 used .* would not relieve it/],
  ])('names the one process near its core: %s', (_, processes, busy, helps, says) => {
    const found = limitOf(run({ served: { processes, busy } }))
    expect(found).toMatchObject({ limit: 'process', helps, sentence: expect.stringMatching(says) })
  })

  it('does not take many processes that use a core together for one', () => {
    expect(limitOf(run({ served: { processes: [full('postgres', { count: 12 })] } })).limit).toBe('users')
  })

  it('names the machine where all cores are busy', () => {
    const found = limitOf(run({ served: { busy: 0.97 } }))
    expect(found).toMatchObject({ limit: 'machine', helps: 'no' })
    expect(found.sentence).toMatch(/8 cores were 97 % busy/)
  })

  it('names the load generator where it used up the core it had, and doubts where it had none to itself', () => {
    const pinned = limitOf(run({ load: { cores: 0.97 } }))
    expect(pinned).toMatchObject({ limit: 'generator', helps: 'unknown' })
    expect(pinned.sentence).toMatch(/^The load generator: it used 0\.97 of the one core/)
    expect(limitOf(run({ load: { cores: 1.4, pinned: false } })).sentence).toMatch(/cannot be told/)
  })

  it('draws the line for the load generator where the verdict does', () => {
    const closed = truthful({ shape: 'closed' })
    expect(limitOf(run({ load: { cores: 0.81 } }, closed)).limit).toBe('generator')
    expect(limitOf(run({ load: { cores: 0.8 } }, closed)).limit).toBe('users')
  })

  it('leaves the users where nothing else was at its limit, and doubts a generator without a core of its own', () => {
    const found = limitOf(truthful())
    expect(found).toMatchObject({ limit: 'users', helps: 'no' })
    expect(found.sentence).toMatch(/did not ask for more than 624 requests a second by 1,000 users/)
    expect(limitOf(run({ load: { pinned: false } }))).toMatchObject({
      helps: 'unknown',
      sentence: expect.stringMatching(/cannot be told/),
    })
    expect(limitOf(truthful({ shape: 'closed' }))).toMatchObject({ limit: 'users', helps: 'unknown' })
  })

  it('gives the time at each hop that was reached as evidence', () => {
    expect(limitOf(truthful()).sentence).toMatch(
      /82 ms at the balancer, 80\.4 ms at the gateway, 101 ms at the db and 51 ms at the microservice\.$/,
    )
    expect(limitOf(run({ served: { hops: [{ role: 'db', requests: 0, average: 0 }] } })).sentence).not.toMatch(/db/)
  })

  it('has a sentence without NaN for whatever was seen', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(share, share, fc.nat(), fc.boolean(), (busy, cores, requests, pinned) => {
        const { sentence } = limitOf(run({ load: { cores, requests, pinned, duration: 0 }, served: { busy } }))
        expect(sentence).not.toMatch(/NaN|Infinity|undefined/)
      }),
    )
  })
})
