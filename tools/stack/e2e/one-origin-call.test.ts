/** One call to the origin per miss over the whole cluster, whoever dies meanwhile. One stack, whose database is slow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Service, Stack, send, until } from './stack.ts'

let stack: Stack
let token: string
beforeAll(async () => {
  // Reads that take a while at the database, so that all the others come during the first one's fill.
  stack = await Stack.up({ MICROSERVICES: '1', PROCESSES: '1', DB_LATENCY: '1s' })
  token = await stack.token()
})
afterAll(() => stack?.down())

const reads = async () => stack.metric(await stack.service('db'), 'spillway_db_reads_total', 'kind="item"')

describe('a cold key', () => {
  it('asked for 200 times at once through three gateways is read once at the database', async () => {
    const gateways = await stack.services('gateway')
    const before = await reads()
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => send(`${gateways[index % 3]?.url}/data/alpha`, { token })),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array(200).fill(200))
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
    expect((await reads()) - before).toBe(1)
  })

  it('is served to the others within 3 s when the lease holder is killed in mid-fill', async () => {
    const [holder, ...others] = await stack.services('gateway')
    const before = await reads()
    const lost = send(`${holder?.url}/data/beta`, { token }).then(
      () => 'answered',
      () => 'lost',
    )
    await until(
      'the fill is under way',
      async () => (await stack.metric(await stack.service('cache'), 'spillway_cache_leases')) > 0,
    )
    const waiting = others.flatMap((gateway) =>
      Array.from({ length: 5 }, () => send(`${gateway.url}/data/beta`, { token })),
    )
    process.kill((holder as Service).pid, 'SIGKILL')
    const started = performance.now()
    const answers = await Promise.all(waiting)
    expect(performance.now() - started).toBeLessThan(3000)
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200))
    expect(await lost).toBe('lost')
    expect((await reads()) - before).toBeLessThanOrEqual(2)
  })
})
