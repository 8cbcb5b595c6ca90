import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { truthful } from '../../test/sample.ts'
import { declared } from './declared.ts'

const held = (settings: Record<string, string>) => declared({ ...truthful(), settings }).join('\n')

describe('declared', () => {
  it('says in plain words what the classic profile adds, that it is there to teach, and what a gateway can carry then', () => {
    const said = declared(truthful()).join('\n')
    expect(said).toContain('each read of the database takes 100 ms longer, each computation waits 50 ms')
    expect(said).toContain('each gateway works on 20 requests at once')
    expect(said).toContain('declared teaching constraint')
    expect(said).toContain('20 / 0.075 s = 267 requests a second')
  })

  it('computes the ceiling from the settings that were in force', () => {
    const settings = { DB_LATENCY: '1s', PROCESS_LATENCY: '0s', GATEWAY_CONCURRENCY: '4' }
    expect(held(settings)).toContain('4 / 0.5 s = 8 requests a second')
  })

  it('says of the full profile that all share the cores of one machine', () => {
    const said = declared(truthful({ profile: 'full' })).join('\n')
    expect(said).toMatch(/^Nothing was held back: .* share the 8 cores of one machine/)
    expect(held({})).toBe(said)
  })

  it('gives no ceiling where nothing waits, or nothing is limited', () => {
    expect(held({ GATEWAY_CONCURRENCY: '20' })).toMatch(/each gateway works on 20 requests/)
    expect(held({ GATEWAY_CONCURRENCY: '20' })).not.toMatch(/Little/)
    expect(held({ DB_LATENCY: '100ms' })).not.toMatch(/Little/)
  })

  it('says nothing that is no number for whatever the settings are', () => {
    const values = fc.oneof(fc.string(), fc.constantFrom('0s', '100ms', '-1', 'NaN', '1e999', '20'))
    const settings = fc.record({ DB_LATENCY: values, PROCESS_LATENCY: values, GATEWAY_CONCURRENCY: values })
    fc.assert(
      fc.property(settings, (each) => {
        expect(held(each)).not.toMatch(/NaN|Infinity|undefined/)
      }),
    )
  })
})
