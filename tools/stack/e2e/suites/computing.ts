/** The microservices behind the front door: their answers are cached and spread. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Service, type Stack, send, until } from '../stack.ts'

export function computing(stack: () => Stack): void {
  let token: string
  beforeAll(async () => {
    token = await stack().token()
  })

  const computed = async (service: Service) => stack().metric(service, 'spillway_microservice_computations_total')

  describe('GET /process', () => {
    it('is computed once and then served from the cache, the same through every gateway', async () => {
      const path = '/process?key=once&n=100000'
      const gateways = await stack().services('gateway')
      // What a gateway is called by, and through whom, is part of what is asked for.
      const asked = { token, headers: { host: 'one-name.test' } }
      const first = await send(`${gateways[0]?.url}${path}`, asked)
      expect(first.json()).toMatchObject({ key: 'once', n: 100_000, primes: 9592 })
      expect(first.headers['cache-status']).toMatch(/fwd=uri-miss/)
      for (const gateway of gateways) {
        // The first one had its answer before it was in the shared cache.
        await until(`a hit at ${gateway.name}`, async () => {
          const again = await send(gateway.url + path, asked)
          expect(again.text).toBe(first.text)
          return /; hit/.test(again.headers['cache-status'] ?? '')
        })
      }
    })

    it('spreads over the microservices', async () => {
      const services = await stack().services('microservice')
      const before = await Promise.all(services.map(computed))
      const asked = Array.from({ length: 40 }, (_, index) =>
        send(stack().url(`/process?key=spread-${index}`), { token }),
      )
      expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(40).fill(200))
      const after = await Promise.all(services.map(computed))
      const shares = after.map((count, index) => count - (before[index] ?? 0))
      expect(shares.reduce((sum, count) => sum + count, 0)).toBe(40)
      for (const share of shares) expect(share).toBeGreaterThan(5)
    })

    it('wants a token, and names the field that is wrong', async () => {
      expect((await send(stack().url('/process?key=a'))).status).toBe(401)
      const refused = await send(stack().url('/process?key=a&n=0'), { token })
      expect(refused.json()).toMatchObject({ status: 400, code: 'validation_failed' })
      expect(refused.json().detail).toMatch(/\/n/)
    })
  })

  describe('the mounted routes', () => {
    it('GET / leads to the remote upstream, which is a microservice', async () => {
      const answer = await send(stack().url('/'))
      expect(answer.json()).toMatchObject({ service: 'microservice', pid: expect.any(Number) })
    })

    it('GET /stress-test makes a microservice compute', async () => {
      expect((await send(stack().url('/stress-test'))).json()).toMatchObject({ primes: expect.any(Number) })
    })
  })
}
