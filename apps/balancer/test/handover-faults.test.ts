/** Hand-overs in which something dies or does not start, and supervisors that end. */
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { fileOf, get, load, open, signal, supervised, upstream } from './supervised.ts'

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

describe('where the new process', () => {
  it('cannot start, the old one goes on as if nothing was, and it is said', async () => {
    const { origin } = await upstream()
    const file = fileOf(origin)
    const { url, supervisor, pid, logged, count, lines } = await supervised({ SPILLWAY_UPSTREAMS_FILE: file })
    const kept = await open(url)
    writeFileSync(file, 'no origin')
    supervisor.kill('SIGUSR2')
    await logged('the hand-over failed')
    kept.socket.write(REQUEST)
    await expect.poll(kept.came).toMatch(/hello$/)
    expect(kept.came()).not.toMatch(/connection: close/i)
    expect([count('draining'), lines.filter(({ msg }) => msg === 'ready').length]).toEqual([0, 1])
    expect(signal(pid(), 0)).toBe(true)
  })

  it('is killed before it accepts, the old one goes on; a second hand-over meanwhile is refused', async () => {
    const { origin, state } = await upstream()
    const { url, supervisor, logged, lines, count, handOver } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    state.isHanging = true
    supervisor.kill('SIGUSR2')
    await logged(/is to take over/)
    supervisor.kill('SIGUSR2')
    await logged('the hand-over failed')
    expect(JSON.stringify(lines)).toContain('balancer is being handed over already')
    const [, next] = /process (\d+) is to take over/.exec(lines.map(({ msg }) => msg).join('\n')) ?? []
    process.kill(Number(next), 'SIGKILL')
    await logged('the hand-over failed', 2)
    expect(count('draining')).toBe(0)
    expect((await get(url, new http.Agent())).text).toBe('hello')
    state.isHanging = false
    await handOver()
  })
})

describe('while nobody accepts', () => {
  it('connections wait for the next process, whatever the kill of the one before interrupted', async () => {
    const { origin, state } = await upstream()
    const { url, supervisor, pid, logged } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    state.isHanging = true
    supervisor.kill('SIGUSR2')
    await logged(/is to take over/)
    process.kill(pid(), 'SIGKILL')
    await logged(/starting again in/)
    const waiting = Array.from({ length: 50 }, () => get(url, new http.Agent()))
    state.isHanging = false
    await logged('the hand-over failed')
    expect(new Set((await Promise.all(waiting)).map(({ text }) => text))).toEqual(new Set(['hello']))
  })
})

describe('the new process killed as it takes over', () => {
  it('keeps those waiting who connect, and refuses nobody', async () => {
    const { origin } = await upstream()
    const { url, supervisor, lines, logged, pid } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    const { stop, failures, answered } = load(url, 4)
    supervisor.kill('SIGUSR2')
    await logged(/is handed over/)
    const [, next] =
      /to process (\d+)$/.exec(lines.map(({ msg }) => String(msg)).find((msg) => /handed over/.test(msg)) ?? '') ?? []
    process.kill(Number(next), 'SIGKILL')
    await logged('balancer ready', 2)
    await expect.poll(() => pid() !== Number(next)).toBe(true)
    const before = answered.fresh
    await expect.poll(() => answered.fresh).toBeGreaterThan(before + 20)
    await stop()
    expect(failures.filter((failure) => failure.includes('REFUSED'))).toEqual([])
  })
})

describe('the supervisor', () => {
  it('killed takes the balancer along, which ends what is under way first; the port is free again', async () => {
    const held: http.ServerResponse[] = []
    const { origin } = await upstream((_, response) => held.push(response))
    const { url, supervisor, pid, logged } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    const slow = get(url, new http.Agent())
    await expect.poll(() => held.length).toBe(1)
    supervisor.kill('SIGKILL')
    await logged('draining')
    held[0]?.end('at last')
    expect((await slow).text).toBe('at last')
    await expect.poll(() => signal(pid(), 0), { timeout: 12_000 }).toBe(false)
    await expect(get(url, new http.Agent())).rejects.toThrow('ECONNREFUSED')
  })

  it('asked to stop stops the balancer, and does not keep anybody waiting at the door', async () => {
    const { origin } = await upstream()
    const { url, supervisor, pid, logged, ended } = await supervised({ SPILLWAY_UPSTREAMS: origin })
    supervisor.kill('SIGTERM')
    await logged('draining')
    expect((await get(url, new http.Agent())).headers['connection']).toBe('close')
    supervisor.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    expect(signal(pid(), 0)).toBe(false)
    await expect(get(url, new http.Agent())).rejects.toThrow('ECONNREFUSED')
  })

  it('names a port that is in use, and the setting', async () => {
    const { server } = await upstream()
    const { port } = server.address() as { port: number }
    const { ended, lines } = await supervised({ SPILLWAY_UPSTREAMS: 'http://127.0.0.1:1', PORT: String(port) })
    expect((await ended).code).toBe(1)
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', msg: `port ${port} is in use; set PORT to another one` })
  })
})
