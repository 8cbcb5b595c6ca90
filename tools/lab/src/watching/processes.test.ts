import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { busyBetween, coreTimes, cpuTime, parsePs, usesOf } from './processes.ts'

/** A process that runs `code`, and says `up` when it is asked to. */
async function start(code: string): Promise<ChildProcess & { pid: number; heard(line: string): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  const heard = (line: string) => expect.poll(() => lines).toContain(line)
  await heard('up')
  return Object.assign(child, { pid: child.pid as number, heard })
}
const use = async (pid: number) => (await usesOf([pid]))[0] ?? { count: -1, seconds: -1, memory: -1 }

const IDLE = `console.log('up'); setInterval(() => {}, 1000)`
/** Uses half a second of CPU, then idles. */
const BUSY = `const used = () => process.cpuUsage().user + process.cpuUsage().system
for (const until = used() + 500_000; used() < until; ) for (let spin = 0; spin < 1e6; spin++);
console.log('up'); setInterval(() => {}, 1000)`
/** Idle, with a child that does what `code` does; ends the child when told anything. */
const parentOf = (code: string) => `const { spawn } = require('node:child_process')
const child = spawn(process.execPath, ['-e', ${JSON.stringify(code)}], { stdio: ['ignore', 'inherit', 'inherit'] })
process.stdin.on('data', () => child.kill('SIGKILL'))
process.on('exit', () => child.kill('SIGKILL'))
child.on('exit', () => console.log('alone'))`

describe('usesOf', () => {
  it('tells the CPU and memory of each process asked for, in their order', async () => {
    const [idle, busy] = [await start(IDLE), await start(BUSY)]
    const [first, second] = await usesOf([busy.pid, idle.pid])
    expect(first?.seconds).toBeGreaterThan(0.45)
    expect(second?.seconds).toBeLessThan(first?.seconds ?? 0)
    for (const each of [first, second]) {
      expect(each?.count).toBe(1)
      expect(each?.memory).toBeGreaterThan(2e7)
      expect(each?.memory).toBeLessThan(5e8)
    }
  })

  it('counts descendants in, and keeps the CPU of those that have ended', async () => {
    const parent = await start(parentOf(BUSY))
    const both = await use(parent.pid)
    expect(both.count).toBe(2)
    expect(both.seconds).toBeGreaterThan(0.45)
    parent.stdin?.write('end it\n')
    await parent.heard('alone')
    const alone = await use(parent.pid)
    expect(alone.count).toBe(1)
    expect(alone.memory).toBeLessThan(both.memory)
    if (process.platform === 'linux') expect(alone.seconds).toBeGreaterThanOrEqual(both.seconds)
  })

  it('grows with what a process allocates', async () => {
    const before = await use((await start(IDLE)).pid)
    const large = await start(`globalThis.kept = Buffer.alloc(1e8, 1); ${IDLE}`)
    const after = await use(large.pid)
    expect(after.memory - before.memory).toBeGreaterThan(8e7)
    expect(after.memory - before.memory).toBeLessThan(1.5e8)
  })

  it('finds nothing where there is no such process', async () => {
    const gone = await start(IDLE)
    gone.kill('SIGKILL')
    await once(gone, 'exit')
    expect(await use(gone.pid)).toEqual({ count: 0, seconds: 0, memory: 0 })
  })
})

describe('cpuTime', () => {
  it('grows with work, whatever the process is called, and is unknown of one that is not there', async () => {
    const busy = await start(`process.title = 'a) b (c'; ${BUSY}`)
    expect(await cpuTime(busy.pid)).toBeGreaterThan(0.45)
    expect(await cpuTime(2 ** 22 + 1)).toBeUndefined()
  })
})

describe('parsePs', () => {
  it('reads times short and long, and memory in KiB', () => {
    const text = [
      '    1     0     0:00.05   1024 Ss',
      '  814     1    12:03.50  20480 R+',
      '  815   814 01:02:03       4 S',
      '  816   814 2-01:02:03   100 S',
      '  817   814     0:00.00      0 Z',
    ].join('\n')
    expect([...parsePs('')]).toEqual([])
    expect([...parsePs(text)]).toEqual([
      [1, { parent: 0, seconds: 0.05, isAlive: true, memory: 1_048_576 }],
      [814, { parent: 1, seconds: 723.5, isAlive: true, memory: 20_971_520 }],
      [815, { parent: 814, seconds: 3723, isAlive: true, memory: 4096 }],
      [816, { parent: 814, seconds: 176_523, isAlive: true, memory: 102_400 }],
      [817, { parent: 814, seconds: 0, isAlive: false, memory: 0 }],
    ])
  })
})

describe('busyBetween', () => {
  it('is a share of all cores, over whatever time', () => {
    expect(busyBetween({ busy: 100, total: 1000 }, { busy: 400, total: 2000 })).toBe(0.3)
    expect(busyBetween({ busy: 100, total: 1000 }, { busy: 100, total: 1000 })).toBe(0)
  })

  it('sees this machine work', async () => {
    const before = coreTimes()
    const busy = await start(BUSY)
    const after = coreTimes()
    busy.kill('SIGKILL')
    expect(after.busy - before.busy).toBeGreaterThan(400)
    expect(busyBetween(before, after)).toBeGreaterThan(0)
    expect(busyBetween(before, after)).toBeLessThanOrEqual(1)
  })
})
