/** `GATEWAY_CONCURRENCY`: no more at work than there are places, the rest in line, and no place is ever lost. */
import { request, type ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: http://127.0.0.1:9 }
  held: { endpoints: "\${UPSTREAM}", check: none }
  nowhere: { endpoints: http://127.0.0.1:9, check: none }
routes:
  - { path: /held, methods: [GET, PUT], upstream: held, auth: public, cache: none }
  - { path: /short, methods: [GET], upstream: held, auth: public, cache: none, timeout: 200ms }
  - { path: /private, methods: [GET], upstream: held, auth: signed-in, cache: none }
  - { path: /nowhere, methods: [GET], upstream: nowhere, auth: public, cache: none }
  - { path: /mounted, methods: [GET], upstream: held, auth: public, mount: /behind }
`

let upstream: Upstream
let gateway: Gateway
/** Answers that wait for somebody to end them. */
let held: ServerResponse[]

beforeEach(async () => {
  held = []
  upstream = await startUpstream((_, response) => void held.push(response))
  gateway = await startGateway({ db: upstream.url, routes, settings: { GATEWAY_CONCURRENCY: '2' } })
})
afterEach(async () => {
  await gateway.close()
  await upstream.close()
})

const reached = (count: number) =>
  until(
    async () => upstream.asked.length,
    (asked) => asked === count,
  )
const standing = async () => ({
  running: await gateway.metric('spillway_gateway_running'),
  waiting: await gateway.metric('spillway_gateway_waiting'),
})
const stands = (running: number, waiting: number) =>
  until(standing, (now) => now.running === running && now.waiting === waiting)
const release = () => json(held.shift() as ServerResponse, 200, {})

describe('a gateway with two places', () => {
  it('works on two requests at once, the others wait in line and are told so', async () => {
    const answers = Array.from({ length: 5 }, () => fetch(`${gateway.url}/held`))
    await stands(2, 3)
    await reached(2)
    for (let sent = 3; sent <= 5; sent++) {
      release()
      await reached(sent)
    }
    release()
    release()
    const all = await Promise.all(answers)
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(all[4]?.headers.get('server-timing')).toMatch(/queue;dur=\d/)
    await stands(0, 0)
    expect(await gateway.metric('spillway_gateway_queue_duration_seconds_count')).toBe(5)
    expect(await gateway.metric('spillway_gateway_concurrency_limit')).toBe(2)
  })

  it('keeps a place for mounted routes too, and none for what it refuses or answers itself', async () => {
    const answers = [fetch(`${gateway.url}/mounted`), fetch(`${gateway.url}/held`)]
    await stands(2, 0)
    expect((await fetch(`${gateway.url}/private`)).status).toBe(401)
    expect((await fetch(`${gateway.url}/openapi.json`)).status).toBe(200)
    await reached(2)
    release()
    release()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
  })

  it('frees the place of whoever leaves, in line or at work', async () => {
    const leaving = Array.from({ length: 4 }, () => request(`${gateway.url}/held`).end())
    for (const each of leaving) each.on('error', () => {})
    await stands(2, 2)
    leaving[2]?.destroy()
    await stands(2, 1)
    for (const each of leaving) each.destroy()
    await stands(0, 0)
    const answer = fetch(`${gateway.url}/held`)
    await until(
      async () => held.length,
      (count) => count > 2,
    )
    for (const each of held) json(each, 200, {})
    expect((await answer).status).toBe(200)
  })

  it('frees the place of a request that fails', async () => {
    for (let round = 0; round < 4; round++) expect((await fetch(`${gateway.url}/nowhere`)).status).toBe(502)
    await stands(0, 0)
  })

  it('frees a place with the last byte of its answer, not with the first', async () => {
    const streaming = fetch(`${gateway.url}/held`)
    await reached(1)
    held[0]?.writeHead(200, { 'content-type': 'text/plain' }).write('first')
    const answer = await streaming
    await stands(1, 0)
    held[0]?.end('last')
    expect(await answer.text()).toBe('firstlast')
    await stands(0, 0)
  })

  it('sends away with 504 whoever waited as long as the route or the caller allows', async () => {
    const busy = [fetch(`${gateway.url}/held`), fetch(`${gateway.url}/held`)]
    await stands(2, 0)
    const [route, caller] = await Promise.all([
      fetch(`${gateway.url}/short`),
      fetch(`${gateway.url}/held`, { headers: { 'x-timeout-ms': '150' } }),
    ])
    for (const answer of [route, caller]) {
      expect(answer.status).toBe(504)
      expect(answer.headers.get('proxy-status')).toBe('gateway-1; error=http_response_timeout')
      expect(await answer.json()).toMatchObject({ code: 'gateway_queue_timeout' })
    }
    await reached(2)
    release()
    release()
    await Promise.all(busy)
  })

  it('gives each user a turn, however many requests another has in line', async () => {
    const asking = (subject: string) => {
      const headers = { authorization: `Bearer ${gateway.token(['reader'], subject)}` }
      return fetch(`${gateway.url}/private?${subject}`, { headers })
    }
    const flood = Array.from({ length: 20 }, () => asking('flood'))
    await stands(2, 18)
    const ada = asking('ada')
    await stands(2, 19)
    for (let sent = 3; sent <= 4; sent++) {
      release()
      await reached(sent)
    }
    expect(upstream.asked.map(({ url }) => url)).toContain('/private?ada')
    for (let sent = 5; sent <= 21; sent++) {
      release()
      await reached(sent)
    }
    for (const each of held.splice(0)) json(each, 200, {})
    expect((await Promise.all([...flood, ada])).map(({ status }) => status)).toEqual(Array(21).fill(200))
  })

  it('sends away with 503 whom the line has no room for', async () => {
    const line = Array.from({ length: 2 + 1024 }, () => {
      const asked = request(`${gateway.url}/held`).end()
      asked.on('error', () => {})
      return asked
    })
    await stands(2, 1024)
    const answer = await fetch(`${gateway.url}/held`)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toMatch(/^[123]$/)
    expect(await answer.json()).toMatchObject({ code: 'gateway_busy' })
    expect(await gateway.metric('spillway_gateway_queue_refused_total')).toBe(1)
    const gone = Promise.all(line.map((each) => new Promise((resolve) => each.once('close', resolve))))
    for (const each of line) each.destroy()
    await gone
    await stands(0, 0)
  })
})

it('without a limit nothing is counted and nobody waits', async () => {
  const free = await startGateway({ db: upstream.url, routes })
  const answers = Array.from({ length: 8 }, () => fetch(`${free.url}/held`))
  await reached(8)
  for (const each of held) json(each, 200, {})
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(8).fill(200))
  expect(await free.metric('spillway_gateway_queue')).toBe(0)
  await free.close()
})
