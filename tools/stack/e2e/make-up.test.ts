/** What `make up` refuses, works around, and leaves behind where it fails. A stack for each test, few of which start it. */
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import type net from 'node:net'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { listen } from './ports.ts'
import { root, SMALL, send } from './stack.ts'
import { ended, World } from './world.ts'

describe('make up', () => {
  let world: World
  const others: net.Server[] = []
  beforeAll(async () => {
    world = await World.create()
  })
  afterEach(async () => {
    for (const server of others.splice(0)) server.close()
    await world.stop()
  })
  afterAll(() => world.remove())

  const nothingLeft = async () => {
    expect(world.processes()).toEqual([])
    expect(await world.openPorts()).toEqual([])
    expect(existsSync(path.join(world.stateDir, 'stack.json'))).toBe(false)
  }

  it('lists every mistake in the settings and starts nothing', async () => {
    const { code, err } = await world.make('up', { GATEWAY: '5', CACHE_TTL: 'soon', POLICY: 'fastest' })
    expect(code).not.toBe(0)
    expect(err).toContain('did you mean GATEWAYS?')
    expect(err).toContain('CACHE_TTL is "soon"')
    expect(err).toContain('POLICY is "fastest"; it must be one of round-robin, random')
    expect(existsSync(world.stateDir)).toBe(false)
  })

  it('gives a replica the next port when its own is taken, and says so', async () => {
    others.push(await listen(5000 + world.offset))
    const { code, out } = await world.make('up', SMALL)
    expect(code).toBe(0)
    const port = 5003 + world.offset
    expect(world.service('gateway-1').url).toBe(`http://127.0.0.1:${port}`)
    expect(out).toMatch(
      new RegExp(`gateway-1 is at ${port}: port ${5000 + world.offset} is in use by .*${process.pid}`),
    )
  })

  it('refuses that with STRICT_PORTS=1', async () => {
    others.push(await listen(5000 + world.offset))
    const { code, err } = await world.make('up', { STRICT_PORTS: '1' })
    expect(code).not.toBe(0)
    expect(err).toMatch(/port \d+ is in use by .*, which gateway-1 was to have.*PORT_OFFSET/)
    others.pop()?.close()
    await nothingLeft()
  })

  it('names the port of the front door, who holds it, and PORT_OFFSET, and leaves nothing started', async () => {
    others.push(await listen(8000 + world.offset))
    const { code, err } = await world.make('up')
    expect(code).not.toBe(0)
    expect(err).toContain(`port ${8000 + world.offset} is in use by`)
    expect(err).toContain(`pid ${process.pid}`)
    expect(err).toContain('PORT_OFFSET')
    others.pop()?.close()
    await nothingLeft()
  })

  it('names a service that does not start, shows the end of its log, and stops everything', async () => {
    const { code, err } = await world.make('up', SMALL, { CACHE_MAX_BYTES: 'much' })
    expect(code).not.toBe(0)
    expect(err).toContain('cache ended before it was ready')
    expect(err).toContain('CACHE_MAX_BYTES is "much"')
    await nothingLeft()
  })

  it('stops everything on Ctrl-C', async () => {
    const child = world.begin('up')
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    const outcome = ended(child)
    // As a terminal does: to make and all it started.
    process.kill(-(child.pid as number), 'SIGINT')
    expect((await outcome).code).not.toBe(0)
    await nothingLeft()
  })

  it('starts no cache service where CACHE_URL_FILE tells of a shared cache, without which all goes on', async () => {
    const CACHE_URL_FILE = path.join(world.parent, 'cache-url')
    writeFileSync(CACHE_URL_FILE, 'redis://:secret@127.0.0.1:9')
    const { code } = await world.make('up', { ...SMALL, CACHE_URL_FILE })
    expect(code).toBe(0)
    expect(world.services().map(({ role }) => role)).not.toContain('cache')
    const read = await send(`http://127.0.0.1:${8000 + world.offset}/data/alpha`, { token: await world.token() })
    expect(read.status).toBe(200)
    const { out } = await world.make('status')
    expect(out).toMatch(/gateway-1 .*cache/)
    expect(out).not.toContain('secret')
  })

  it('called twice at once starts one stack', async () => {
    const outcomes = await Promise.all([world.make('up', SMALL), world.make('up', SMALL)])
    expect(outcomes.filter(({ code }) => code === 0)).toHaveLength(1)
    expect(outcomes.map(({ err }) => err).join()).toMatch(/has just taken this stack|is being started already/)
    expect((await world.make('status')).code).toBe(0)
  })

  it('leaves what a file holds to the file, where an app runs alone', async () => {
    const DB_URL_FILE = path.join(world.parent, 'db-url')
    writeFileSync(DB_URL_FILE, 'http://127.0.0.1:9')
    const child = world.begin('gateway', { PORT: '0', DB_URL_FILE })
    const outcome = ended(child)
    child.stdout?.on('data', (chunk) => {
      if (String(chunk).includes('"msg":"ready"')) process.kill(-(child.pid as number), 'SIGINT')
    })
    expect((await outcome).out).toContain('"msg":"stopped"')
  })

  it('does not touch a directory that is not its own, and neither does make clean', async () => {
    for (const target of ['up', 'clean']) {
      const { code, err } = await world.make(target, { STATE_DIR: path.join(root, 'docs') })
      expect(code).not.toBe(0)
      expect(err).toContain('no Spillway state directory')
    }
    expect(existsSync(path.join(root, 'docs', 'logs'))).toBe(false)
  })
})
