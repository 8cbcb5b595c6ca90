import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Sample } from './process.ts'
import { send } from './wire.ts'

const started: Sample[] = []

function start(environment: Record<string, string> = {}): Sample {
  const sample = new Sample(environment)
  started.push(sample)
  return sample
}

afterEach(async () => {
  for (const sample of started) sample.signal('SIGKILL')
  await Promise.all(started.splice(0).map(({ ended }) => ended))
})

/** Its last words. */
function fatal(sample: Sample) {
  return sample.lines.find(({ level }) => level === 'fatal')
}

/** Sends a request's head over a connection of its own, and collects what comes until that is closed. */
function open(url: string, path: string) {
  const { port } = new URL(url)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  const answer = { came: '', closed: Promise.withResolvers<void>(), socket }
  socket.on('data', (chunk) => {
    answer.came += chunk
  })
  socket.on('error', () => {})
  socket.on('close', () => answer.closed.resolve())
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
  return answer
}

describe('starting', () => {
  it('says where it listens, as soon as it is ready, and nothing for each request', async () => {
    const sample = start({ INSTANCE: 'sample-7' })
    const [app, admin] = await sample.urls()
    expect(await (await fetch(`${app}/hello`)).text()).toBe('hello')
    expect((await fetch(`${admin}/ready`)).status).toBe(200)
    sample.signal('SIGTERM')
    sample.signal('SIGINT')
    expect(await sample.ended).toBe(0)
    expect(sample.lines.map(({ msg }) => msg)).not.toContain('request')
    for (const line of sample.lines) {
      expect(line).toMatchObject({ service: 'sample', instance: 'sample-7', level: 'info', pid: expect.any(Number) })
    }
  })

  it('stops at mistakes in the settings, all of them told at once', async () => {
    const sample = start({ PORT: 'http', SLOW: 'soon', SPILLWAY_SPEED: '11', ADMIN_PROT: '1' })
    expect(await sample.ended).toBe(1)
    expect(sample.stderr).toMatch(/^sample: The settings have 4 mistakes:\n/)
    for (const name of ['PORT is "http"', 'SLOW is "soon"', 'SPILLWAY_SPEED', 'did you mean ADMIN_PORT']) {
      expect(sample.stderr).toContain(name)
    }
    expect(sample.lines).toEqual([])
  })

  it('names a port that is in use, and the setting that says another', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const first = start({ PORT: String(port) })
    const second = start({ ADMIN_PORT: String(port) })
    expect([await first.ended, await second.ended]).toEqual([1, 1])
    expect(fatal(first)).toMatchObject({
      msg: `port ${port} is in use; set PORT to another one`,
    })
    expect(fatal(second)).toMatchObject({ msg: `port ${port} is in use; set ADMIN_PORT to another one` })
    holder.close()
  })

  it('stops at a failure to build', async () => {
    const sample = start({ BUILD: 'fails' })
    expect(await sample.ended).toBe(1)
    expect(fatal(sample)).toMatchObject({
      msg: 'could not start: the routes file has a mistake',
    })
  })

  it('can be stopped before it is ready', async () => {
    const sample = start({ BUILD: 'waits' })
    await sample.logged('waiting')
    sample.signal('SIGTERM')
    expect(await sample.ended).toBe(0)
    expect(sample.lines.map(({ msg }) => msg).sort()).toEqual(['draining', 'stopped', 'waiting'])
  })
})

describe('draining', () => {
  it('says so for 5 s with the listener open, closing each connection, then stops in reverse order', async () => {
    const sample = start()
    const [app, admin] = await sample.urls()
    const before = performance.now()
    sample.signal('SIGTERM')
    await sample.logged('draining')
    const ready = await fetch(`${admin}/ready`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ status: 'draining' })
    const hello = open(app, '/hello')
    await hello.closed.promise
    expect(hello.came).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close\r\n[\s\S]*hello$/)
    expect(await sample.ended).toBe(0)
    const took = performance.now() - before
    expect(took).toBeGreaterThan(4_900)
    expect(took).toBeLessThan(8_000)
    expect(sample.lines).toContainEqual(expect.objectContaining({ msg: 'closed', order: ['admin', 'app'] }))
    expect(sample.lines).toContainEqual(expect.objectContaining({ msg: 'stopped' }))
  })

  it('skips the 5 s at a second SIGTERM, and lets what is under way end', async () => {
    const sample = start({ SLOW: '1500ms' })
    const [app] = await sample.urls()
    const parts = open(app, '/parts')
    await once(parts.socket, 'data')
    const slow = open(app, '/slow')
    const idle = open(app, '/hello')
    await once(idle.socket, 'data')
    const before = performance.now()
    sample.signal('SIGTERM')
    await sample.logged('draining')
    sample.signal('SIGTERM')
    expect(await sample.ended).toBe(0)
    expect(performance.now() - before).toBeLessThan(4_500)
    expect(parts.came).toMatch(/first-last$/)
    expect(slow.came).toMatch(/slow$/)
  })

  it('cuts what is still under way, so that all is over in 10 s', async () => {
    const sample = start()
    const [app] = await sample.urls()
    const never = open(app, '/never')
    const silent = connect({ port: Number(new URL(app).port), host: '127.0.0.1' })
    silent.on('error', () => {})
    await once(silent, 'connect')
    await expect.poll(async () => (await fetch(`${app}/hello`)).headers.get('x-load')).toMatch(/^inflight=2,/)
    const before = performance.now()
    sample.signal('SIGTERM')
    expect(await sample.ended).toBe(0)
    const took = performance.now() - before
    expect(took).toBeGreaterThan(9_000)
    expect(took).toBeLessThan(12_000)
    await never.closed.promise
    expect(never.came).toBe('')
    expect(sample.lines.map(({ msg }) => msg)).toContain('what was still under way after 9500 ms is cut')
  })

  it('drops everything at once where the service asks for that', async () => {
    const sample = start({ DRAIN: 'immediate' })
    const [app] = await sample.urls()
    const never = open(app, '/never')
    await expect.poll(async () => (await fetch(`${app}/hello`)).headers.get('x-load')).toMatch(/^inflight=2,/)
    const before = performance.now()
    sample.signal('SIGTERM')
    await never.closed.promise
    expect(await sample.ended).toBe(0)
    expect(performance.now() - before).toBeLessThan(4_500)
  })
})

describe('a crash', () => {
  it.each(['/crashes', '/rejects'])('at %s ends the process with 1 and says why', async (path) => {
    const sample = start()
    const [app] = await sample.urls()
    await fetch(`${app}${path}`).catch(() => {})
    expect(await sample.ended).toBe(1)
    expect(fatal(sample)).toMatchObject({
      msg: 'crashed',
      err: { message: expect.stringMatching(/^nobody (catches|awaits) this$/), stack: expect.any(String) },
    })
  })
})

describe('the log', () => {
  it('has a line for each failed request, with its cause, request id and trace id', async () => {
    const sample = start()
    const [app] = await sample.urls()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await fetch(`${app}/throws`, { headers: { 'x-request-id': 'mine', traceparent } })
    expect(await sample.logged('Something failed here')).toMatchObject({
      level: 'error',
      code: 'internal',
      requestId: 'mine',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      err: { message: 'broken: the first cause', stack: expect.stringContaining('the first cause') },
    })
  })

  it('has a line for each request at debug, also of one whose client left', async () => {
    const sample = start({ LOG_LEVEL: 'debug' })
    const [app] = await sample.urls()
    await fetch(`${app}/hello?a=b`)
    expect(await sample.logged('request')).toMatchObject({
      level: 'debug',
      method: 'GET',
      url: '/hello?a=b',
      status: 200,
      ms: expect.any(Number),
      aborted: false,
    })
    const never = open(app, '/never')
    await expect.poll(async () => (await fetch(`${app}/hello`)).headers.get('x-load')).toMatch(/^inflight=2,/)
    never.socket.destroy()
    await expect.poll(() => sample.lines).toContainEqual(expect.objectContaining({ url: '/never', aborted: true }))
  })

  it('holds what hostile clients send as text, each request on one line', async () => {
    const sample = start({ LOG_LEVEL: 'debug' })
    const [app] = await sample.urls()
    const evil = '","level":"fatal","msg":"owned"}{\\u001b[2J'
    for (const hostile of [evil, '\u001b[31m', '\u009b2J', 'a\rb', 'a\nb: c', '\0']) {
      for (const url of [`/throws?${hostile}`, '/throws']) {
        const head = `GET ${url} HTTP/1.1\r\nhost: a\r\nuser-agent: ${hostile}\r\nx-request-id: ${hostile}\r\n`
        const answer = await send(Number(new URL(app).port), `${head}connection: close\r\n\r\n`)
        expect(answer).toMatch(/^HTTP\/1\.1 (400|500) [\s\S]*\r\nx-request-id: [0-9a-f]{32}\r\n/)
      }
    }
    await fetch(`${app}/hello`)
    await expect.poll(() => sample.lines).toContainEqual(expect.objectContaining({ url: '/hello' }))
    // Each line was read as JSON; none of them is a client's.
    expect(sample.lines.filter(({ msg, level }) => msg === 'owned' || level === 'fatal')).toEqual([])
    expect(sample.lines).toContainEqual(expect.objectContaining({ msg: 'request', url: `/throws?${evil}` }))
  })

  it('never holds a secret', async () => {
    const sample = start()
    const [app] = await sample.urls()
    await fetch(`${app}/logs`)
    await sample.logged('deeper secrets')
    expect(JSON.stringify(sample.lines)).not.toContain('hunter2')
    expect(await sample.logged('secrets')).toMatchObject({ password: '[Redacted]', headers: { accept: '*/*' } })
  })
})
