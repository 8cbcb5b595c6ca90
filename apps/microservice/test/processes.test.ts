import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Agent, request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { lives, Microservice, metric } from './microservice.ts'

const started: Microservice[] = []
const agents: Agent[] = []

function start(environment: Record<string, string> = {}): Microservice {
  const microservice = new Microservice(environment)
  started.push(microservice)
  return microservice
}

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()))
  for (const microservice of started) microservice.signalGroup('SIGKILL')
  await Promise.all(started.splice(0).map(({ ended }) => ended))
})

const COMPUTED = 'spillway_microservice_computations_total'
const PROCESSES = 'spillway_microservice_processes'
const RESTARTS = 'spillway_microservice_restarts_total'

/** Over a connection of its own, which goes to the next process in turn. */
async function ask(url: string, path: string) {
  const { statusCode, body } = await request(url + path, { headers: { connection: 'close' } })
  return { status: statusCode, json: (await body.json()) as { pid: number; status: string; degraded: string[] } }
}

/** Asks again and again over `connections` until stopped; a connection that is closed between requests is opened anew. */
function load(url: string, path: string, connections: number) {
  const agent = new Agent({ connections })
  agents.push(agent)
  const answers: (number | string)[] = []
  let on = true
  const asking = Array.from({ length: connections }, async () => {
    while (on) {
      const answer = await request(url + path, { dispatcher: agent }).then(
        async ({ statusCode, body }) => {
          await body.dump()
          return statusCode
        },
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      )
      answers.push(answer)
    }
  })
  return {
    answers,
    async end() {
      on = false
      await Promise.all(asking)
    },
  }
}

describe('the processes', () => {
  it('share a port, and are all ready before one says so', async () => {
    const microservice = start({ PROCESSES: '3' })
    const [{ urls } = {}] = await microservice.logged('ready')
    const url = urls?.[0] as string
    await expect.poll(async () => (await ask(url, '/ready')).status, { interval: 1 }).toBe(200)
    expect(await metric(url, PROCESSES)).toBe(3)
    await microservice.logged('ready', 3)
    // Whoever is idle takes the next connection; none is idle for long.
    const answered = new Set<number>()
    const work = async () => answered.add((await ask(url, '/stress-test')).json.pid)
    const all = async () => {
      await Promise.all(Array.from({ length: 24 }, work))
      return [...answered].sort()
    }
    await expect.poll(all, { interval: 1 }).toEqual([...microservice.workers].sort())
    expect(answered).not.toContain(microservice.pid)
  })

  it('are one, with a primary, where one is asked for', async () => {
    const microservice = start({ PROCESSES: '1' })
    const url = await microservice.url()
    expect((await ask(url, '/stress-test')).json.pid).toBe(microservice.workers[0])
    expect(microservice.workers).not.toContain(microservice.pid)
    expect(await metric(url, PROCESSES)).toBe(1)
  })

  it('answer metrics as one, which fall for no death', async () => {
    const microservice = start()
    const url = await microservice.url()
    for (let asked = 0; asked < 10; asked++) await ask(url, '/process?key=a&n=100')
    expect(await metric(url, COMPUTED)).toBe(10)
    expect(await metric(url, PROCESSES)).toBe(2)
    expect(await metric(url, 'spillway_microservice_computation_duration_seconds_count')).toBe(10)
    const [first = 0] = microservice.workers
    process.kill(first, 'SIGKILL')
    await expect.poll(() => metric(url, PROCESSES)).toBe(1)
    expect(await metric(url, COMPUTED)).toBe(10)
    await microservice.logged('ready', 3)
    await expect.poll(() => metric(url, PROCESSES)).toBe(2)
    expect(await metric(url, RESTARTS)).toBe(1)
    for (let asked = 0; asked < 4; asked++) await ask(url, '/process?key=a&n=100')
    expect(await metric(url, COMPUTED)).toBe(14)
  })

  it('are replaced when they die, while the others answer', async () => {
    const microservice = start()
    const url = await microservice.url()
    const [first = 0, second = 0] = microservice.workers
    process.kill(first, 'SIGKILL')
    const how = `process ${first} ended (SIGKILL); another one starts in 500 ms`
    expect(await microservice.logged(how)).toEqual([expect.objectContaining({ level: 'error', pid: microservice.pid })])
    expect((await ask(url, '/')).json.pid).toBe(second)
    await expect.poll(async () => (await ask(url, '/ready')).json.degraded).toEqual(['processes'])
    await microservice.logged('ready', 3)
    const third = microservice.workers.at(-1) as number
    await expect.poll(async () => (await ask(url, '/ready')).json.degraded).toEqual([])
    await expect.poll(async () => (await ask(url, '/')).json.pid).toBe(third)
    process.kill(third, 'SIGKILL')
    await microservice.logged(`process ${third} ended (SIGKILL); another one starts in 1000 ms`)
    process.kill(second, 'SIGKILL')
    await microservice.logged(`process ${second} ended (SIGKILL); another one starts in 500 ms`)
  })

  it('end at once when the primary is killed', async () => {
    const microservice = start()
    const url = await microservice.url()
    const { workers } = microservice
    const work = load(url, '/process?key=a&n=5000000', 4)
    await expect.poll(() => work.answers.length).toBeGreaterThan(0)
    microservice.signal('SIGKILL')
    expect(await microservice.ended).toBe('SIGKILL')
    await expect.poll(() => workers.filter(lives), { timeout: 2_000 }).toEqual([])
    await work.end()
  })

  it('compute nothing for those who left, and then answer the next', async () => {
    const microservice = start({ PROCESSES: '1' })
    const url = await microservice.url()
    const leaving = new AbortController()
    const all = Array.from({ length: 200 }, () =>
      fetch(`${url}/process?key=a&n=5000000`, { signal: leaving.signal }).then((answer) => answer.text()),
    )
    const settled = Promise.allSettled(all)
    await Promise.race(all)
    leaving.abort()
    await settled
    expect((await ask(url, '/process?key=a&n=10')).status).toBe(200)
    expect(await metric(url, 'spillway_microservice_waiting')).toBe(0)
    expect(await metric(url, COMPUTED)).toBeLessThan(150)
  })
})

describe('starting', () => {
  it('stops at a port in use, said once, with code 1', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const microservice = start({ PORT: String(port) })
    expect(await microservice.ended).toBe(1)
    expect(microservice.said(`port ${port} is in use; set PORT to another one`)).toHaveLength(1)
    expect(microservice.lines.map(({ level }) => level)).toEqual(['fatal', 'fatal'])
    holder.close()
  })

  it('stops at mistakes in the settings, said once, with code 1', async () => {
    const microservice = start({ PROCESSES: 'all', PROCESS_LATENCY: 'long' })
    expect(await microservice.ended).toBe(1)
    expect(microservice.stderr).toMatch(
      /^microservice: The settings have 2 mistakes:\n {2}PROCESSES is "all".*\n {2}PROCESS_LATENCY is "long".*\n$/,
    )
    expect(microservice.lines).toEqual([])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('can be stopped by %s before all is up', async (signal) => {
    const microservice = start({ PROCESSES: '3' })
    await microservice.logged('ready')
    microservice.signalGroup(signal)
    await microservice.logged('stopping')
    const again = setInterval(() => microservice.signal('SIGTERM'), 300)
    expect(await microservice.ended).toBe(0)
    clearInterval(again)
    expect(microservice.workers.filter(lives)).toEqual([])
  })
})

describe('stopping', () => {
  it('drains all processes at once for 5 s, and loses no request', async () => {
    const microservice = start({ PROCESS_LATENCY: '20ms' })
    const url = await microservice.url()
    const work = load(url, '/process?key=a', 16)
    await expect.poll(() => work.answers.length).toBeGreaterThan(50)
    const before = performance.now()
    microservice.signal('SIGTERM')
    await microservice.logged('draining', 2)
    const said = await Promise.all(Array.from({ length: 6 }, async () => (await ask(url, '/ready')).json.status))
    expect(new Set(said)).toEqual(new Set(['draining']))
    // As balancers do, which have seen that by then.
    await expect.poll(() => performance.now() - before, { timeout: 6_000 }).toBeGreaterThan(4_000)
    expect((await ask(url, '/process?key=b')).status).toBe(200)
    await work.end()
    expect(await microservice.ended).toBe(0)
    const took = performance.now() - before
    expect(took).toBeGreaterThan(4_900)
    expect(took).toBeLessThan(8_000)
    expect(new Set(work.answers)).toEqual(new Set([200]))
    expect(microservice.workers.filter(lives)).toEqual([])
  })

  it('takes Ctrl-C, which signals all processes, for one wish', async () => {
    const microservice = start({ PROCESS_LATENCY: '300ms' })
    const url = await microservice.url()
    const before = performance.now()
    microservice.signalGroup('SIGINT')
    await microservice.logged('draining', 2)
    expect((await ask(url, '/process?key=b')).status).toBe(200)
    expect(await microservice.ended).toBe(0)
    expect(performance.now() - before).toBeGreaterThan(4_900)
  })

  it('skips the 5 s when asked again, and still finishes what is under way', async () => {
    const microservice = start({ PROCESS_LATENCY: '1500ms' })
    const url = await microservice.url()
    const under = Array.from({ length: 8 }, () => ask(url, '/process?key=b'))
    await expect.poll(() => metric(url, 'http_server_active_requests')).toBeGreaterThanOrEqual(9)
    const before = performance.now()
    microservice.signalGroup('SIGINT')
    await microservice.logged('draining', 2)
    microservice.signalGroup('SIGINT')
    expect((await Promise.all(under)).map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(await microservice.ended).toBe(0)
    expect(performance.now() - before).toBeLessThan(4_500)
  })

  it('cuts what never ends, so that all is over in 10 s', async () => {
    const microservice = start({ PROCESS_LATENCY: '1h' })
    const { port } = new URL(await microservice.url())
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    socket.write('GET /process?key=a HTTP/1.1\r\nhost: a\r\n\r\n')
    const closed = once(socket, 'close')
    socket.on('error', () => {}).resume()
    const before = performance.now()
    microservice.signal('SIGTERM')
    expect(await microservice.ended).toBe(0)
    expect(performance.now() - before).toBeLessThan(12_000)
    await closed
  })
})
