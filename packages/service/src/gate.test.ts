import { describe, expect, it } from 'vitest'
import { Gate } from './gate.ts'

const stays = new AbortController().signal
const order = async (entries: Promise<string>[]) => {
  const came: number[] = []
  await Promise.all(entries.map(async (entry, index) => (await entry) === 'entered' && came.push(index)))
  return came
}

describe('Gate', () => {
  it('lets in as many as it may, then those in line, first come, first served', async () => {
    const gate = new Gate({ running: 2, waiting: 2 })
    expect(await Promise.all([gate.enter(stays), gate.enter(stays)])).toEqual(['entered', 'entered'])
    const line = [gate.enter(stays), gate.enter(stays)]
    expect(gate.waiting).toBe(2)
    expect(await gate.enter(stays)).toBe('full')
    gate.leave()
    gate.leave()
    expect(await order(line)).toEqual([0, 1])
    expect(gate.waiting).toBe(0)
  })

  it('forgets whoever leaves the line, and gives the place to the next', async () => {
    const gate = new Gate({ running: 1, waiting: 2 })
    await gate.enter(stays)
    const leaving = new AbortController()
    const [first, second] = [gate.enter(leaving.signal), gate.enter(stays)]
    leaving.abort()
    expect(await first).toBe('left')
    expect(gate.waiting).toBe(1)
    gate.leave()
    expect(await second).toBe('entered')
  })

  it('does not let in whoever has left already', async () => {
    const gate = new Gate({ running: 1, waiting: 1 })
    expect(await gate.enter(AbortSignal.abort())).toBe('left')
    expect(await gate.enter(stays)).toBe('entered')
  })

  it('keeps the place of whoever left after his turn had come', async () => {
    const gate = new Gate({ running: 1, waiting: 1 })
    await gate.enter(stays)
    const leaving = new AbortController()
    const entry = gate.enter(leaving.signal)
    gate.leave()
    leaving.abort()
    expect(await entry).toBe('entered')
    gate.leave()
    expect(await gate.enter(stays)).toBe('entered')
  })

  it('opens fully again after everybody has left', async () => {
    const gate = new Gate({ running: 2, waiting: 0 })
    for (let round = 0; round < 3; round++) {
      expect(await Promise.all([gate.enter(stays), gate.enter(stays), gate.enter(stays)])).toEqual([
        'entered',
        'entered',
        'full',
      ])
      gate.leave()
      gate.leave()
    }
  })
})
