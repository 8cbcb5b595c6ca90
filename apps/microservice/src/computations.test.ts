import { Registry } from '@spillway/metrics'
import { LARGEST } from '@spillway/primes'
import type { Caller } from '@spillway/service'
import { describe, expect, it } from 'vitest'
import { Computations } from './computations.ts'

/** Over a second of work, which no test here waits for. */
const LONG = LARGEST
const NEVER = Number.POSITIVE_INFINITY

function caller(deadlineAt = NEVER) {
  const leaving = new AbortController()
  return { signal: leaving.signal, deadlineAt, leave: () => leaving.abort() } satisfies Caller & { leave(): void }
}
function start() {
  const registry = new Registry()
  const waiting = async () => (await registry.getSingleMetric('spillway_microservice_waiting')?.get())?.values[0]?.value
  return { computations: new Computations(registry), waiting }
}

describe('Computations', () => {
  it('does one at a time, in the order in which they came', async () => {
    const { computations } = start()
    const order: number[] = []
    const sizes = [2_000_000, 10, 1_000_000, 100]
    await Promise.all(
      sizes.map(async (n) => {
        await computations.primes(n, caller())
        order.push(n)
      }),
    )
    expect(order).toEqual(sizes)
  })

  it('tells how many primes there are and how long it took', async () => {
    const { computations } = start()
    expect(await computations.primes(10_000, caller())).toEqual({ primes: 1229, durationMs: expect.any(Number) })
  })

  it('stops in the midst of one whose caller leaves, and goes on with the next', async () => {
    const { computations, waiting } = start()
    const leaving = caller()
    const left = computations.primes(LONG, leaving)
    const next = computations.primes(10, caller())
    expect(await waiting()).toBe(1)
    leaving.leave()
    await expect(left).rejects.toMatchObject({ code: 'caller_left', statusCode: 499 })
    expect((await next).primes).toBe(4)
    expect(await waiting()).toBe(0)
  })

  it('stops in the midst of one whose caller’s time is over', async () => {
    const { computations } = start()
    const late = computations.primes(LONG, caller(performance.now() + 20))
    await expect(late).rejects.toMatchObject({ code: 'microservice_timeout', statusCode: 504 })
    expect((await computations.primes(10, caller())).primes).toBe(4)
  })

  it('forgets those who leave the line, or whose time is over there', async () => {
    const { computations, waiting } = start()
    const [running, leaving] = [caller(), caller()]
    const first = computations.primes(LONG, running)
    const left = computations.primes(10, leaving)
    const late = computations.primes(10, caller(performance.now() + 20))
    leaving.leave()
    await expect(left).rejects.toMatchObject({ code: 'caller_left' })
    await expect(late).rejects.toMatchObject({ code: 'microservice_timeout' })
    expect(await waiting()).toBe(0)
    running.leave()
    await expect(first).rejects.toMatchObject({ code: 'caller_left' })
  })

  it('begins nothing for somebody who has left, or has no time, already', async () => {
    const { computations } = start()
    const gone = caller()
    gone.leave()
    await expect(computations.primes(LONG, gone)).rejects.toMatchObject({ code: 'caller_left' })
    await expect(computations.primes(LONG, caller(performance.now()))).rejects.toMatchObject({
      code: 'microservice_timeout',
    })
  })

  it('waits first as long as it is told, without keeping anybody from computing', async () => {
    const { computations } = start()
    const leaving = caller()
    const slow = computations.primes(10, leaving, 3_600_000)
    expect((await computations.primes(10, caller())).primes).toBe(4)
    await expect(computations.primes(10, caller(performance.now() + 20), 3_600_000)).rejects.toMatchObject({
      code: 'microservice_timeout',
    })
    leaving.leave()
    await expect(slow).rejects.toMatchObject({ code: 'caller_left' })
  })

  it('lets 1,023 wait, and refuses the next until one leaves', async () => {
    const { computations, waiting } = start()
    const callers = Array.from({ length: 1024 }, () => caller())
    const all = callers.map((each) => computations.primes(LONG, each))
    const settled = Promise.allSettled(all)
    expect(await waiting()).toBe(1023)
    await expect(computations.primes(10, caller())).rejects.toMatchObject({
      code: 'microservice_busy',
      statusCode: 503,
      headers: { 'retry-after': '1' },
    })
    for (const each of callers.slice(1)) each.leave()
    const next = computations.primes(10, caller())
    callers[0]?.leave()
    expect((await next).primes).toBe(4)
    await settled
  })
})
