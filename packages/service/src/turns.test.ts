import type { FastifyRequest } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Turns } from './turns.ts'
import { watchLoop } from './watch-loop.ts'

let begun: number[]
let turns: Turns
let now: number
beforeEach(() => {
  begun = []
  turns = new Turns()
  now = 1_000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
})
afterEach(() => void vi.restoreAllMocks())
const take = (count: number) => {
  for (let n = 0; n < count; n++) turns.take(() => void begun.push(n))
}
/** The loop turns once, having worked so long on what it began. */
const turn = (lastsMs: number) => {
  now += lastsMs
  return new Promise((resolve) => setImmediate(resolve))
}

it('lets everything begin at once while the event loop is in time', () => {
  turns.observe(5)
  take(3)
  expect(begun).toEqual([0, 1, 2])
  expect(turns.waitMs).toBe(0)
})

describe('where it is late', () => {
  beforeEach(() => turns.observe(6))

  it('lets one begin in each turn, where that is as long as a turn should be, first come, first', async () => {
    take(3)
    expect(begun).toEqual([])
    await turn(4)
    expect(begun).toEqual([0])
    take(1)
    await turn(4)
    await turn(4)
    expect(begun).toEqual([0, 1, 2])
    await turn(4)
    expect(begun).toEqual([0, 1, 2, 0])
    expect(turns.waitMs).toBe(0)
  })

  it('lets more begin in each turn while those are short, up to a bound', async () => {
    take(400)
    await turn(5)
    const each: number[] = []
    for (let n = 0; n < 8; n++) {
      const before = begun.length
      await turn(0.1)
      each.push(begun.length - before)
    }
    expect(each).toEqual([2, 4, 8, 16, 32, 64, 64, 64])
    const before = begun.length
    await turn(5)
    expect(begun.length - before).toBe(32)
    while (begun.length < 400) await turn(0.1)
    expect(begun).toEqual(begun.map((_, n) => n))
  })

  it('says how long the first has waited, and keeps them in order when it is in time again', async () => {
    take(2)
    await turn(5)
    expect(turns.waitMs).toBe(5)
    turns.observe(0)
    turns.take(() => void begun.push(2))
    expect(begun).toEqual([0])
    await turn(3)
    expect(turns.waitMs).toBe(3)
    await turn(3)
    expect(begun).toEqual([0, 1, 2])
    take(1)
    expect(begun).toEqual([0, 1, 2, 0])
  })
})

it('begins nothing for a client that left while it waited', async () => {
  turns.observe(6)
  const client = { destroyed: false }
  turns.enter({ socket: client } as FastifyRequest, () => void begun.push(0))
  turns.enter({ socket: { destroyed: false } } as FastifyRequest, () => void begun.push(1))
  client.destroyed = true
  await turn(5)
  await turn(5)
  expect(begun).toEqual([1])
})

it('goes by how late the loop is, where that is watched', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const end = watchLoop((lateMs) => turns.observe(lateMs))
  const look = (lastsMs: number) => {
    now += lastsMs
    vi.advanceTimersByTime(20)
  }
  look(25)
  take(1)
  expect(begun).toEqual([0])
  look(26)
  take(1)
  expect(begun).toEqual([0])
  end()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})
