/** What was written outlives every way to stop a stack, but for the one that says so. One stack, stopped and started again. */
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SMALL, send } from './stack.ts'
import { ended, World } from './world.ts'

describe('what was written', () => {
  let world: World
  beforeAll(async () => {
    // As it is for users: the stack compiles into a folder of its own.
    world = await World.create({ NODE_COMPILE_CACHE: undefined })
  })
  beforeEach(async () => {
    const { code, err } = await world.make('up', { ...SMALL, DEMO_PASSWORD: 'long-enough-for-all' })
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })
  afterAll(() => world.remove())

  const url = () => `http://127.0.0.1:${8000 + world.offset}/data/kept`
  const write = async (value: string) => {
    const token = await world.token('editor')
    expect((await send(url(), { method: 'PUT', token, json: { value } })).status).toBeLessThan(300)
  }
  const read = async () => {
    const token = await world.token()
    return (await send(url(), { token })).json().value
  }

  it('survives make down, which leaves no process, no port and no file of the running stack', async () => {
    await write('before down')
    expect((await world.make('down')).code).toBe(0)
    expect(world.processes()).toEqual([])
    expect(await world.openPorts()).toEqual([])
    expect(readdirSync(world.stateDir).toSorted()).toEqual([
      '.gitignore',
      'compile-cache',
      'logs',
      'postgres',
      'samples',
      'secrets',
    ])
    expect(readdirSync(path.join(world.stateDir, 'postgres'))).toEqual(['data'])
    expect((await world.make('up', SMALL)).code).toBe(0)
    expect(await read()).toBe('before down')
  })

  it('survives Ctrl-C on make down, which skips the front door’s drain', async () => {
    await write('before Ctrl-C')
    const child = world.begin('down')
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    const began = performance.now()
    process.kill(-(child.pid as number), 'SIGINT')
    await ended(child)
    // The drain alone would hold the listener for 5 s.
    expect(performance.now() - began).toBeLessThan(5000)
    expect(world.processes()).toEqual([])
    expect((await world.make('up', SMALL)).code).toBe(0)
    expect(await read()).toBe('before Ctrl-C')
  })

  it('survives the supervisor’s SIGKILL: make up clears what was left and starts anew', async () => {
    await write('before the kill')
    const before = world.services()
    const { length } = world.processes()
    process.kill(world.supervisor, 'SIGKILL')
    expect((await world.make('status')).code).not.toBe(0)
    const { code, err } = await world.make('up', SMALL)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const now = world.processes()
    for (const { pid } of before) expect(now).not.toContain(pid)
    expect(now).toHaveLength(length)
    expect(await read()).toBe('before the kill')
  })

  it('survives the supervisor’s SIGKILL: make down stops what was left', async () => {
    await write('before the end')
    process.kill(world.supervisor, 'SIGKILL')
    expect((await world.make('down')).out).toContain('whose supervisor was gone')
    expect(world.processes()).toEqual([])
    expect(await world.openPorts()).toEqual([])
    expect((await world.make('up', SMALL)).code).toBe(0)
    expect(await read()).toBe('before the end')
  })

  it('is gone after make clean, which says so', async () => {
    await world.stop()
    const { code, out } = await world.make('clean')
    expect(code).toBe(0)
    expect(out).toMatch(/Deleting .*: all data, keys and demo accounts, logs/)
    expect(existsSync(world.stateDir)).toBe(false)
  })
})
