/** The promise over real processes: nothing old after a write, whoever is stopped, killed or restarted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Processes } from './processes.ts'
import { until } from './scripted-service.ts'

let processes: Processes
beforeEach(() => {
  processes = new Processes()
})
afterEach(() => processes.close())

describe('a gateway', () => {
  it('stopped while a write goes on does not keep the writer longer than 3 s, and serves nothing old when it resumes', async () => {
    const { url } = await processes.service()
    const [a, b] = await Promise.all([processes.gateway(url), processes.gateway(url)])
    expect(await a.read('old').result).toBe('old')
    expect(await b.read('unused').result).toBe('old')
    expect(await b.peek()).toBe('old')
    // A fresh epoch answers no purge before it is 2 s old; that is not what is measured here.
    await a.purge()
    expect(await a.read('old').result).toBe('old')
    expect(await b.read('unused').result).toBe('old')

    b.child.kill('SIGSTOP')
    const began = performance.now()
    await a.purge()
    expect(performance.now() - began).toBeLessThan(3000)
    expect(performance.now() - began).toBeGreaterThan(1000)
    expect(await a.read('new').result).toBe('new')
    // In its pipe before it resumes, so that it comes to it before anything its sockets have to say.
    const peeked = b.peek()
    const read = b.read('new').result
    b.child.kill('SIGCONT')
    expect(await peeked).toBe('nothing')
    expect(await read).toBe('new')
  })

  it('killed in mid-fill leaves the fill to those who wait', async () => {
    const { url } = await processes.service()
    const [a, b] = await Promise.all([processes.gateway(url), processes.gateway(url)])
    const held = a.read('never', true)
    held.result.catch(() => {})
    await held.started
    const waiting = b.read('mine').result
    const began = performance.now()
    await processes.kill(a.child)
    expect(await waiting).toBe('mine')
    expect(performance.now() - began).toBeLessThan(3000)
  })

  it('stopped in mid-fill leaves the fill to those who wait, and stores nothing when it resumes', async () => {
    const { url } = await processes.service()
    const [a, b] = await Promise.all([processes.gateway(url), processes.gateway(url)])
    const held = a.read('never', true)
    await held.started
    const waiting = b.read('mine').result
    a.child.kill('SIGSTOP')
    const began = performance.now()
    expect(await waiting).toBe('mine')
    expect(performance.now() - began).toBeLessThan(3000)
    a.child.kill('SIGCONT')
  })
})

describe('the cache service', () => {
  it('killed: reads and writes go on; restarted: another epoch, nothing of the one before', async () => {
    const first = await processes.service()
    const a = await processes.gateway(first.url)
    expect(await a.read('old').result).toBe('old')
    await processes.kill(first.child)
    await eventually(async () => (await a.peek()) === 'nothing')
    expect(await a.read('origin').result).toBe('origin')
    const began = performance.now()
    await a.purge()
    expect(performance.now() - began).toBeGreaterThan(1900)
    const second = await processes.service(first.port)
    await eventually(async () => (await a.read('new').result) === 'new' && (await a.peek()) === 'new')
    const stats = (await (await fetch(`${second.url}/stats`)).json()) as Record<string, number>
    expect(stats).toMatchObject({ sessions: 1, size: 1 })
  })

  it('stopped as one asks drops everything at once', async () => {
    const { child, url } = await processes.service()
    const a = await processes.gateway(url)
    const began = performance.now()
    child.kill('SIGTERM')
    await until(() => child.exitCode !== null)
    expect(child.exitCode).toBe(0)
    expect(performance.now() - began).toBeLessThan(2000)
    expect(await a.read('origin').result).toBe('origin')
  })

  it('frozen keeps no read from the origin, and no L1 in use; it goes on where it was', async () => {
    const { child, url } = await processes.service()
    const a = await processes.gateway(url)
    child.kill('SIGSTOP')
    expect(await a.read('one').result).toBe('one')
    await eventually(async () => (await a.peek()) === 'nothing')
    child.kill('SIGCONT')
    await a.purge()
    await eventually(async () => (await a.read('two').result) === 'two' && (await a.peek()) === 'two')
  })
})

/** Each try is a round trip to another process. */
async function eventually(is: () => Promise<boolean>, withinMs = 8000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await is())) if (performance.now() > end) throw new Error(`not so within ${withinMs} ms: ${is}`)
}
