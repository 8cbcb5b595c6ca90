/** What a stack that is up has told, shows, keeps to itself, and starts again. One stack, which is made to lose processes. */
import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileCache, root, send, until } from './stack.ts'
import { ended, type Outcome, World } from './world.ts'

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

  it('compiles into the NODE_COMPILE_CACHE that it is given', () => {
    expect(readdirSync(compileCache)).not.toEqual([])
    expect(readdirSync(world.stateDir)).not.toContain('compile-cache')
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
