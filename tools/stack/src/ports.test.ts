import net from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFree, PortError, Ports } from './ports.ts'

const ports = (busy: readonly number[] = [], { offset = 0, strict = false } = {}) =>
  new Ports({
    offset,
    strict,
    isFree: async (port) => !busy.includes(port),
    holder: async () => 'nginx (pid 7)',
  })

async function gateways(from: Ports, count: number): Promise<number[]> {
  const given: number[] = []
  for (let number = 1; number <= count; number++) given.push((await from.next(`gateway-${number}`, 'gateway')).port)
  return given
}

/** Asks Node's own fetch, which looks at the port before it asks its dispatcher, who sends nothing. */
async function isRefusedByFetch(port: number): Promise<boolean> {
  const dispatcher = {
    dispatch() {
      throw new Error('not sent')
    },
  }
  const error: Error = await fetch(`http://127.0.0.1:${port}`, { dispatcher } as object).catch((reason) => reason)
  return (error.cause as Error).message === 'bad port'
}

describe('Ports', () => {
  it('gives gateways 5000, 5003, 5006 to 5009, then from 5100', async () => {
    expect(await gateways(ports(), 8)).toEqual([5000, 5003, 5006, 5007, 5008, 5009, 5100, 5101])
  })

  it('gives microservices 5001, 5010, then from 5200, and workers 5005, 5015, then from 5300', async () => {
    const from = ports()
    const given: number[] = []
    for (const role of ['microservice', 'microservice', 'microservice', 'worker', 'worker', 'worker'] as const) {
      given.push((await from.next(role, role)).port)
    }
    expect(given).toEqual([5001, 5010, 5200, 5005, 5015, 5300])
  })

  it('moves every port by the offset', async () => {
    const moved = ports([], { offset: 10_000 })
    expect(await gateways(moved, 2)).toEqual([15_000, 15_003])
    expect((await moved.next('balancer', 'balancer')).port).toBe(18_000)
  })

  it('gives a replica the next port when one is taken, and a note that says so', async () => {
    expect(await ports([5000, 5003]).next('gateway-1', 'gateway')).toEqual({
      port: 5006,
      note: 'gateway-1 is at 5006: port 5000 is in use by nginx (pid 7), port 5003 is in use by nginx (pid 7)',
    })
  })

  it('refuses that when strict, except to PostgreSQL, which always takes the next free one', async () => {
    const strict = ports([5000, 5432], { strict: true })
    await expect(strict.next('gateway-1', 'gateway')).rejects.toThrow(/port 5000 .* nginx .*STRICT_PORTS/)
    expect((await strict.next('postgres', 'postgres')).port).toBe(5433)
  })

  it('refuses a single service whose port is taken, naming the holder and the way out', async () => {
    await expect(ports([8000]).next('balancer', 'balancer')).rejects.toThrow(
      'port 8000 is in use by nginx (pid 7), which balancer needs. Free it, or move the whole stack with PORT_OFFSET=10000.',
    )
  })

  it('refuses an offset that leads a single service to a port that fetch refuses', async () => {
    await expect(ports([], { offset: 58 }).next('db', 'db')).rejects.toThrow(
      'port 5060, which db would have, is blocked',
    )
  })

  it('never gives a port twice, one that fetch refuses, or none at all, whatever the offset', async () => {
    const property = fc.asyncProperty(fc.nat(57_534), fc.array(fc.nat(50)), async (offset, taken) => {
      const from = ports(
        taken.map((port) => 5000 + offset + port),
        { offset },
      )
      const given = await gateways(from, 30)
      expect(new Set(given).size).toBe(30)
      for (const port of given) {
        expect(port).toBeLessThanOrEqual(65_535)
        expect(await isRefusedByFetch(port)).toBe(false)
      }
    })
    await fc.assert(property, { numRuns: 30 })
  })

  it('is asked of a fetch that knows the blocked ports', async () => {
    expect([await isRefusedByFetch(6000), await isRefusedByFetch(5000)]).toEqual([true, false])
  })

  it('says so when a range is used up', async () => {
    await expect(gateways(ports(), 200)).rejects.toThrow(PortError)
  })
})

describe('isFree', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::'])('sees a listener on %s', async (host) => {
    const server = net.createServer()
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, host, resolve)
    await promise
    const { port } = server.address() as net.AddressInfo
    expect(await isFree(port)).toBe(false)
    server.close()
  })
})
