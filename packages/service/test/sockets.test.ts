/** Services that are given their sockets, as systemd gives them. */
import { Agent, get } from 'node:http'
import { BoundSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { Sample } from './process.ts'

/** Two sockets that this process keeps, and services that are given them. */
function keep() {
  const sockets = [0, 0].map((port) => new BoundSocket({ host: '127.0.0.1', port }))
  const started: Sample[] = []
  onTestFinished(async () => {
    for (const sample of started) sample.signal('SIGKILL')
    await Promise.all(started.map(({ ended }) => ended))
    for (const socket of sockets) socket.close()
  })
  return {
    urls: sockets.map((socket) => `http://127.0.0.1:${socket.address().port}`),
    start(environment: Record<string, string>): Sample {
      const sample = new Sample(
        environment,
        sockets.map((socket) => socket.fd()),
      )
      started.push(sample)
      return sample
    },
  }
}

/** The status of an answer over a connection of its own, or what kept it from coming. */
function ask(url: string): Promise<number | string | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | string | undefined>()
  get(`${url}/hello`, { agent: new Agent() }, (answer) => {
    answer.on('error', ({ message }) => resolve(message))
    answer.resume().on('end', () => resolve(answer.statusCode))
  }).on('error', ({ message }) => resolve(message))
  return promise
}

it('listens on them, the first for the server that opens last', async () => {
  const { urls, start } = keep()
  const [app, admin] = await start({ LISTEN_FDS: '2' }).urls()
  expect([admin, app]).toEqual(urls)
  expect(await ask(urls[0] ?? '')).toBe(404)
  expect(await ask(urls[1] ?? '')).toBe(200)
})

it('binds the rest itself where there are fewer', async () => {
  const { urls, start } = keep()
  const [app, admin] = await start({ LISTEN_FDS: '1' }).urls()
  expect(admin).toBe(urls[0])
  expect(urls).not.toContain(app)
})

it('leaves alone what was given to another process', async () => {
  const { urls, start } = keep()
  for (const url of await start({ LISTEN_FDS: '2', LISTEN_PID: '1' }).urls()) expect(urls).not.toContain(url)
})

it.each(['3', 'two'])('says how many it can use, told %s', async (count) => {
  const sample = keep().start({ LISTEN_FDS: count })
  expect(await sample.ended).toBe(1)
  expect(sample.lines.at(-1)).toMatchObject({
    level: 'fatal',
    msg: `could not start: LISTEN_FDS is ${count}; it must be a number, of as many sockets as are listened on: 2 at most`,
  })
})

it('loses nobody between the end of one process and the start of the next', async () => {
  const { urls, start } = keep()
  const url = urls[1] ?? ''
  const first = start({ LISTEN_FDS: '2' })
  await first.urls()
  const answers: ReturnType<typeof ask>[] = []
  let stopped = false
  const asking = (async () => {
    for (; !stopped; await delay(2)) answers.push(ask(url))
  })()
  first.signal('SIGTERM')
  await first.logged('draining')
  first.signal('SIGTERM')
  expect(await first.ended).toBe(0)
  await start({ LISTEN_FDS: '2' }).urls()
  stopped = true
  await asking
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200]))
})
