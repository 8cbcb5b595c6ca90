/** Jobs behind the front door: accepted by any worker, run by any. */
import { beforeAll, describe, expect, it } from 'vitest'
import { jobClient, place } from '../job-client.ts'
import { type Stack, send, until } from '../stack.ts'

export function jobs(stack: () => Stack): void {
  let token: string
  let client: ReturnType<typeof jobClient>
  beforeAll(async () => {
    token = await stack().token()
    client = jobClient(stack(), token)
  })

  describe('a job', () => {
    it('is accepted with its place, and found there with its result', async () => {
      const accepted = await client.post({ task: 'primes', n: 1_000_000 })
      expect(accepted.status).toBe(202)
      expect(accepted.headers).toMatchObject({ location: expect.stringMatching(/^\/longtask\/[0-9a-f-]{36}$/) })
      expect(accepted.headers).toHaveProperty('retry-after')
      expect(await client.ended(place(accepted))).toMatchObject({
        state: 'succeeded',
        progress: 1,
        result: { primes: 78_498 },
      })
    })

    it('reports on all items', async () => {
      const report = await client.ended(await client.submit({ task: 'report' }))
      expect(report.state).toBe('succeeded')
      expect(JSON.stringify(report.result)).toContain('alpha')
    })

    it('is its owner’s alone', async () => {
      const location = await client.submit({ task: 'sleep', ms: 1 })
      const other = { token: await stack().token('editor') }
      expect((await send(stack().url(location), other)).status).toBe(404)
      expect((await send(stack().url(location), { ...other, method: 'DELETE' })).status).toBe(404)
      expect((await send(stack().url(location))).status).toBe(401)
    })

    it('is refused with the name of what is wrong', async () => {
      const refused = await client.post({ task: 'sleep', ms: -1 })
      expect(refused.status).toBe(400)
      expect(refused.text).toMatch(/ms/)
    })

    it('is cancelled while it runs', async () => {
      const location = await client.submit({ task: 'sleep', ms: 60_000 })
      await until('it runs', async () => (await client.look(location)).state === 'running')
      const cancelled = await send(stack().url(location), { method: 'DELETE', token })
      expect(cancelled.status).toBeLessThan(300)
      expect(await client.ended(location)).toMatchObject({ state: 'cancelled' })
    })
  })

  describe('make metrics', () => {
    it('sums over replicas what the services counted', async () => {
      await client.ended(await client.submit({ task: 'sleep', ms: 1 }))
      const url = stack().url('/data/counted')
      await send(url, { method: 'PUT', token: await stack().token('editor'), json: { value: 1 } })
      for (let read = 0; read < 7; read++) await send(url, { token })
      const shown = await stack().make('metrics')
      expect(shown).toMatch(/cache hits +[1-9]/)
      expect(shown).toMatch(/cache misses +[1-9]/)
      expect(shown).toMatch(/cache hit rate +[\d.]+ %/)
      expect(shown).toMatch(/\/data +[1-9]\d* requests, [\d.]+ ms on average/)
      expect(shown).toMatch(/tasks +[1-9]\d* succeeded/)
      for (const name of ['gateway-1', 'gateway-2', 'gateway-3']) {
        expect(shown).toMatch(new RegExp(`${name} +[1-9]\\d* +[\\d.]+ ms +100.00 % +in use`))
      }
    })
  })
}
