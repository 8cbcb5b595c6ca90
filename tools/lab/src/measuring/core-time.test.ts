import { expect, it } from 'vitest'
import { type CoreTime, coreTime, coreUse, parseStat } from './core-time.ts'

const STAT = `cpu  400 8 300 2000 40 0 60 20 0 0
cpu0 100 2 50 1000 20 0 30 5 0 0
cpu1 300 6 250 1000 20 0 30 15 0 0
intr 12345
`

it('a core is read by its number', () => {
  expect(parseStat(STAT, 1)).toEqual({ total: 1621, idle: 1020, processes: 556, stolen: 15 })
  expect(parseStat(STAT, 0)?.processes).toBe(152)
  expect(parseStat(STAT, 7)).toBeUndefined()
})

it('what others used is what the process did not', () => {
  const before: CoreTime = { total: 1000, idle: 500, processes: 400, stolen: 10 }
  const after: CoreTime = { total: 2000, idle: 600, processes: 1200, stolen: 60 }
  // Ten seconds of 100 ticks: 8 s in processes, of which 7 s were its own, 0.5 s stolen, 0.5 s for the network.
  const use = coreUse(before, after, 7, 10)
  expect(use?.busy).toBeCloseTo(0.9)
  expect(use?.others).toBeCloseTo(0.15)
  expect(coreUse(before, before, 0, 10)).toBeUndefined()
})

it.runIf(process.platform === 'linux')('this machine tells of its first core', async () => {
  const now = await coreTime(0)
  expect(now?.total).toBeGreaterThan(0)
  expect(await coreTime(undefined)).toBeUndefined()
})
