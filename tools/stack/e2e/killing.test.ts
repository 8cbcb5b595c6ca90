/** Killing things under load loses nothing that it must not lose. */

import { Pool } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Service, Stack, send, until } from './stack.ts'

let stack: Stack
let token: string
beforeAll(async () => {
  stack = await Stack.up()
  token = await stack.token()
})
afterAll(() => stack?.down())

/** Steady reads over 64 connections until stopped. */
function steadyReads(url: string) {
  const pool = new Pool(url, { connections: 64, pipelining: 1 })
  const failures: string[] = []
  const servers = new Map<string, number>()
  let sent = 0
  let stopped = false
  const connection = async () => {
    while (!stopped) {
      // Each of 64 connections asks every 128 ms: 500 requests a second where the stack keeps up.
      const next = performance.now() + 128
      const key = ['alpha', 'beta', 'gamma', 'delta'][sent++ % 4]
      try {
        const answer = await pool.request({
          path: `/data/${key}`,
          method: 'GET',
          headers: { authorization: `Bearer ${token}` },
        })
        const text = await answer.body.text()
        if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${text}`)
        const server = String(answer.headers['x-served-by']).split(',')[0] ?? ''
        servers.set(server, (servers.get(server) ?? 0) + 1)
      } catch (error) {
        failures.push(String(error))
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())))
    }
  }
  const started = performance.now()
  const connections = Array.from({ length: 64 }, connection)
  return {
    failures,
    servers,
    async stop() {
      stopped = true
      await Promise.all(connections)
      await pool.close()
      return { sent, rate: sent / ((performance.now() - started) / 1000) }
    },
  }
}

describe('a gateway killed with SIGKILL five times under steady load', () => {
  it('costs not one read, and returns to rotation', { timeout: 120_000 }, async () => {
    const load = steadyReads(stack.url())
    for (let kill = 0; kill < 5; kill++) {
      const victim = (await stack.services('gateway'))[kill % 3] as Service
      process.kill(victim.pid, 'SIGKILL')
      await until(`${victim.name} is started again`, async () => (await stack.service(victim.name)).pid !== victim.pid)
      load.servers.delete(victim.name)
      await until(`${victim.name} serves again`, async () => (load.servers.get(victim.name) ?? 0) > 5, 30_000)
    }
    const { rate } = await load.stop()
    expect(load.failures).toEqual([])
    expect(rate).toBeGreaterThan(300)
  })
})

describe('the cache service killed', () => {
  it('lets reads and writes go on, and is used again when it is back', { timeout: 60_000 }, async () => {
    const editor = await stack.token('editor')
    const load = steadyReads(stack.url())
    const killed = await stack.service('cache')
    process.kill(killed.pid, 'SIGKILL')
    for (let round = 0; round < 5; round++) {
      const write = await send(stack.url('/data/through'), { method: 'PUT', token: editor, json: { value: round } })
      expect(write.status).toBeLessThan(300)
      for (const gateway of await stack.services('gateway')) {
        expect((await send(`${gateway.url}/data/through`, { token })).json().value).toBe(round)
      }
    }
    await until('the cache is started again', async () => (await stack.service('cache')).pid !== killed.pid)
    await until('hits come back', async () =>
      /hit/.test((await send(stack.url('/data/alpha'), { token })).headers['cache-status'] ?? ''),
    )
    await load.stop()
    expect(load.failures).toEqual([])
  })
})
