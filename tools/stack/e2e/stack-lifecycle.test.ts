/** What `make up` and its relatives promise about the stack itself: what is started, told, refused, and left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { environment, freeOffset, isFree, listen, PORTS, root, type Service, send, until } from './stack.ts'

// Most of them start a whole stack, some twice.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Outcome {
  code: number | null
  out: string
  err: string
}

/** A state directory and ports of its own; nothing is started yet. */
class World {
  readonly parent: string
  readonly offset: number
  private constructor(parent: string, offset: number) {
    this.parent = parent
    this.offset = offset
  }

  static async create(): Promise<World> {
    return new World(await mkdtemp(path.join(os.tmpdir(), 'spillway-stack-')), await freeOffset())
  }

  get stateDir(): string {
    return path.join(this.parent, 'state')
  }

  /** Begins `make target NAME=value ...`. */
  begin(target: string, settings: Record<string, string> = {}, extra: Record<string, string> = {}): ChildProcess {
    const variables = { STATE_DIR: this.stateDir, PORT_OFFSET: String(this.offset), ...settings }
    return spawn('make', ['-s', target, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)], {
      cwd: root,
      env: environment(extra),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
  }

  async make(...args: Parameters<World['begin']>): Promise<Outcome> {
    return ended(this.begin(...args))
  }

  services(): Service[] {
    return JSON.parse(readFileSync(path.join(this.stateDir, 'stack.json'), 'utf8')).services
  }

  service(name: string): Service {
    const found = this.services().find((service) => service.name === name)
    if (!found) throw new Error(`stack.json knows no ${name}`)
    return found
  }

  get supervisor(): number {
    return JSON.parse(readFileSync(path.join(this.stateDir, 'supervisor.json'), 'utf8')).pid
  }

  /** The processes that carry this state directory in their environment. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SPILLWAY_STATE_DIR=${this.stateDir}\0`)
        } catch {
          return false
        }
      })
  }

  async openPorts(): Promise<number[]> {
    const ports = PORTS.map((port) => port + this.offset)
    const free = await Promise.all(ports.map(isFree))
    return ports.filter((_, index) => !free[index])
  }

  async token(role = 'reader'): Promise<string> {
    const { code, out, err } = await this.make('token', { ROLE: role })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return out.trim()
  }

  async remove(): Promise<void> {
    await this.make('down')
    await rm(this.parent, { recursive: true, force: true })
  }
}

async function ended(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

describe('a stack that is up', () => {
  let world: World
  let first: Outcome
  beforeAll(async () => {
    world = await World.create()
    first = await world.make('up', { GATEWAYS: '2' })
  })
  afterAll(() => world.remove())

  it('was told with every address, pid and log, and with a command that works when pasted', async () => {
    expect(first).toMatchObject({ code: 0, err: '' })
    for (const { url, pid, log } of world.services()) {
      for (const part of [url, String(pid), log]) expect(first.out).toContain(part)
    }
    const command = first.out.split('\n').find((line) => line.includes('curl -i')) ?? ''
    const shell = await ended(spawn('sh', ['-c', command], { cwd: root, env: { PATH: process.env['PATH'] } }))
    expect(shell.out + shell.err).toMatch(/^HTTP\/1.1 200 OK/)
  })

  it('is described by stack.json, whose every address answers', async () => {
    const services = world.services()
    expect(services.map(({ name, role }) => [name, role])).toEqual([
      ['balancer', 'balancer'],
      ['gateway-1', 'gateway'],
      ['gateway-2', 'gateway'],
      ['cache', 'cache'],
      ['microservice-1', 'microservice'],
      ['microservice-2', 'microservice'],
      ['db', 'db'],
      ['worker-1', 'worker'],
      ['postgres', 'postgres'],
    ])
    for (const { role, url, adminUrl, pid } of services) {
      expect(process.kill(pid, 0)).toBe(true)
      if (role !== 'postgres') expect((await send(`${adminUrl ?? url}/ready`)).status).toBe(200)
    }
    expect(world.service('balancer').adminUrl).toBe(`http://127.0.0.1:${8001 + world.offset}`)
  })

  it('keeps its secrets to itself', () => {
    const secrets = path.join(world.stateDir, 'secrets')
    expect(statSync(secrets).mode & 0o777).toBe(0o700)
    expect(readdirSync(secrets).toSorted()).toEqual([
      'accounts.json',
      'postgres-password',
      'signing-keys.json',
      'verify-keys.json',
    ])
    for (const file of readdirSync(secrets)) expect(statSync(path.join(secrets, file)).mode & 0o777).toBe(0o600)
    expect(statSync(path.join(world.stateDir, 'supervisor.json')).mode & 0o777).toBe(0o600)
  })

  it('is left alone by a second make up with the same settings', async () => {
    const before = world.services()
    const again = await world.make('up', { GATEWAYS: '2' })
    expect(again.code).toBe(0)
    expect(again.out).toMatch(/^Already up/)
    expect(world.services()).toEqual(before)
  })

  it('answers a make up with other settings by what differs and how to apply it', async () => {
    const other = await world.make('up', { GATEWAYS: '5', CACHE_TTL: '20s' })
    expect(other.code).not.toBe(0)
    expect(other.err).toContain('GATEWAYS is 2, asked for is 5')
    expect(other.err).toContain('CACHE_TTL is 30s, asked for is 20s')
    expect(other.err).toMatch(/make down .*&& make up .*GATEWAYS=5/)
  })

  it('shows its state, and a token alone', async () => {
    const status = await world.make('status')
    expect(status).toMatchObject({ code: 0, err: '' })
    expect(status.out.match(/ ready /g)).toHaveLength(9)
    const token = await world.make('token', { ROLE: 'editor' })
    expect(token.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const accounts = await world.make('accounts')
    expect(accounts.out).toMatch(/reader .*\n.*editor .*\n.*admin /)
  })

  it('starts again what dies, PostgreSQL too, and stack.json follows', async () => {
    for (const name of ['gateway-2', 'postgres']) {
      const { pid } = world.service(name)
      process.kill(pid, 'SIGKILL')
      await until(`${name} is started again`, async () => world.service(name).pid !== pid)
    }
    await until('everything is ready', async () => (await world.make('status')).code === 0)
    expect((await world.make('status')).out).toMatch(/gateway-2 +ready +1 /)
    const token = await world.token()
    expect((await send(`${world.service('balancer').url}/data/gamma`, { token })).status).toBe(200)
  })

  it('is not deleted by make clean', async () => {
    const clean = await world.make('clean')
    expect(clean.code).not.toBe(0)
    expect(clean.err).toContain('make down first')
  })
})

describe('make up', () => {
  let world: World
  const others: net.Server[] = []
  beforeAll(async () => {
    world = await World.create()
  })
  afterEach(async () => {
    for (const server of others.splice(0)) server.close()
    await world.make('down')
  })
  afterAll(() => world.remove())

  const nothingLeft = async () => {
    expect(world.processes()).toEqual([])
    expect(await world.openPorts()).toEqual([])
    expect(existsSync(path.join(world.stateDir, 'stack.json'))).toBe(false)
  }

  it('lists every mistake in the settings and starts nothing', async () => {
    const { code, err } = await world.make('up', { GATEWAY: '5', CACHE_TTL: 'soon', POLICY: 'random' })
    expect(code).not.toBe(0)
    expect(err).toContain('did you mean GATEWAYS?')
    expect(err).toContain('CACHE_TTL is "soon"')
    expect(err).toContain('POLICY is "random"; it must be one of round-robin')
    expect(existsSync(world.stateDir)).toBe(false)
  })

  it('gives a replica the next port when its own is taken, and says so', async () => {
    others.push(await listen(5000 + world.offset))
    const { code, out } = await world.make('up', { GATEWAYS: '1' })
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
    const { code, err } = await world.make('up', {}, { CACHE_MAX_BYTES: 'much' })
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

  it('called twice at once starts one stack', async () => {
    const outcomes = await Promise.all([world.make('up'), world.make('up')])
    expect(outcomes.filter(({ code }) => code === 0)).toHaveLength(1)
    expect(outcomes.map(({ err }) => err).join()).toMatch(/has just taken this stack|is being started already/)
    expect((await world.make('status')).code).toBe(0)
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

describe('what was written', () => {
  let world: World
  beforeAll(async () => {
    world = await World.create()
  })
  beforeEach(async () => {
    const { code, err } = await world.make('up', { GATEWAYS: '1', DEMO_PASSWORD: 'long-enough-for-all' })
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
    expect((await world.make('up', { GATEWAYS: '1' })).code).toBe(0)
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
    expect((await world.make('up', { GATEWAYS: '1' })).code).toBe(0)
    expect(await read()).toBe('before Ctrl-C')
  })

  it('survives the supervisor’s SIGKILL: make up clears what was left and starts anew', async () => {
    await write('before the kill')
    const before = world.services()
    const { length } = world.processes()
    process.kill(world.supervisor, 'SIGKILL')
    expect((await world.make('status')).code).not.toBe(0)
    const { code, err } = await world.make('up', { GATEWAYS: '1' })
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
    expect((await world.make('up', { GATEWAYS: '1' })).code).toBe(0)
    expect(await read()).toBe('before the end')
  })

  it('is gone after make clean, which says so', async () => {
    await world.make('down')
    const { code, out } = await world.make('clean')
    expect(code).toBe(0)
    expect(out).toMatch(/Deleting .*: all data, keys and demo accounts, logs/)
    expect(existsSync(world.stateDir)).toBe(false)
  })
})
