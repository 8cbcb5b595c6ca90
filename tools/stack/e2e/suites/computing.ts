/** The microservices behind the front door: their answers are cached, spread, and outlive their processes. */
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Service, Stack, send, until } from './stack.ts'

let stack: Stack
let token: string
beforeAll(async () => {
  stack = await Stack.up({ MICROSERVICES: '2', PROCESSES: '2' })
  token = await stack.token()
})
afterAll(() => stack?.down())

const computed = async (service: Service) => stack.metric(service, 'spillway_microservice_computations_total')

describe('GET /process', () => {
  it('is computed once and then served from the cache, the same through every gateway', async () => {
    const path = '/process?key=once&n=100000'
    const first = await send(stack.url(path), { token })
    expect(first.json()).toMatchObject({ key: 'once', n: 100_000, primes: 9592 })
    expect(first.headers['cache-status']).toMatch(/fwd=uri-miss/)
    for (const gateway of await stack.services('gateway')) {
      const again = await send(gateway.url + path, { token })
      expect(again.headers['cache-status']).toMatch(/; hit/)
      expect(again.text).toBe(first.text)
    }
  })

  it('spreads over the microservices', async () => {
    const services = await stack.services('microservice')
    const before = await Promise.all(services.map(computed))
    const asked = Array.from({ length: 40 }, (_, index) => send(stack.url(`/process?key=spread-${index}`), { token }))
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(40).fill(200))
    const after = await Promise.all(services.map(computed))
    const shares = after.map((count, index) => count - (before[index] ?? 0))
    expect(shares.reduce((sum, count) => sum + count, 0)).toBe(40)
    for (const share of shares) expect(share).toBeGreaterThan(5)
  })

  it('wants a token, and names the field that is wrong', async () => {
    expect((await send(stack.url('/process?key=a'))).status).toBe(401)
    const refused = await send(stack.url('/process?key=a&n=0'), { token })
    expect(refused.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    expect(refused.json().detail).toMatch(/\/n/)
  })
})

describe('the mounted routes', () => {
  it('GET / leads to the remote upstream, which is a microservice', async () => {
    const answer = await send(stack.url('/'))
    expect(answer.json()).toMatchObject({ service: 'microservice', pid: expect.any(Number) })
  })

  it('GET /stress-test makes a microservice compute', async () => {
    expect((await send(stack.url('/stress-test'))).json()).toMatchObject({ primes: expect.any(Number) })
  })
})

describe('a process of a microservice killed with SIGKILL under load', () => {
  it('costs not one answer, and is replaced', { timeout: 60_000 }, async () => {
    const primary = (await stack.services('microservice'))[0] as Service
    const children = () =>
      readFileSync(`/proc/${primary.pid}/task/${primary.pid}/children`, 'utf8').trim().split(' ').map(Number)
    const load = steadyMisses()
    for (let kill = 0; kill < 3; kill++) {
      const before = children()
      expect(before).toHaveLength(2)
      process.kill(before[0] as number, 'SIGKILL')
      const asked = load.sent()
      await until('it is replaced', async () => {
        const now = children()
        return now.length === 2 && !now.includes(before[0] as number)
      })
      await until('the load goes on', async () => load.sent() > asked + 50)
    }
    await load.stop()
    expect(load.failures).toEqual([])
    expect((await stack.service('microservice-1')).pid).toBe(primary.pid)
  })
})

/** Sixteen connections that ask for one new key after another. */
function steadyMisses() {
  const pool = new Pool(stack.url(), { connections: 16, pipelining: 1 })
  const failures: string[] = []
  let sent = 0
  let stopped = false
  const connection = async () => {
    while (!stopped) {
      const path = `/process?key=steady-${sent++}`
      try {
        const answer = await pool.request({ path, method: 'GET', headers: { authorization: `Bearer ${token}` } })
        const text = await answer.body.text()
        if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${text}`)
      } catch (error) {
        failures.push(String(error))
      }
    }
  }
  const connections = Array.from({ length: 16 }, connection)
  return {
    failures,
    sent: () => sent,
    async stop() {
      stopped = true
      await Promise.all(connections)
      await pool.close()
    },
  }
}
