/** Each route caches as its part of the routes file says, and not as its neighbour's does. */
import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const route = (name: string, cache: string) =>
  `  - { path: "/${name}/{id}", methods: [GET], upstream: db, auth: public, cache: ${cache} }`
const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
routes:
${route('plain', '{ scope: public }')}
${route('kept', '{ scope: public, ttl: 1m }')}
${route('guessed', '{ scope: public, heuristic: 0.1 }')}
${route('honoured', '{ scope: public, clientDirectives: honour }')}
${route('themed', '{ scope: public, headers: [x-theme] }')}
${route('narrow', '{ scope: public, fills: 2 }')}
${route('wide', '{ scope: public, fills: 5 }')}
${route('left', '{ scope: public, fills: 2 }')}
`

let cache: Service
let upstream: Upstream
let gateway: Gateway
let alone: Gateway
/** What the upstream says of its answers. */
let said: Record<string, string>
let atOnce: Record<string, number>
let most: Record<string, number>
let waiting: Record<string, (() => void)[]>

beforeAll(async () => {
  cache = await startService('cache/src/main.ts')
  upstream = await startUpstream(({ url, headers }, response) => {
    const route = url.split('/')[1] ?? ''
    atOnce[route] = (atOnce[route] ?? 0) + 1
    most[route] = Math.max(most[route] ?? 0, atOnce[route])
    const answer = () => {
      atOnce[route] = (atOnce[route] ?? 0) - 1
      response.writeHead(200, said).end(headers['x-theme'] ?? 'hello')
    }
    const places = { narrow: 2, wide: 5 }[route]
    if (places === undefined) {
      setTimeout(answer, route === 'left' ? 20 : 0)
      return
    }
    // Nobody is answered before all who may come have come, and whoever may not has had the time to.
    const held = waiting[route] ?? []
    waiting[route] = held
    held.push(answer)
    const answerAll = () => {
      for (const each of held.splice(0)) each()
    }
    if (held.length === places) setTimeout(answerAll, 30)
  })
  gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  // Its cache service is away.
  alone = await startGateway({ db: upstream.url, routes })
  for (const each of [gateway, alone]) {
    await until(
      async () => (await (await fetch(`${each.url}/ready`)).json()) as { degraded: string[] },
      ({ degraded }) => !degraded.includes('db') && (each === alone || !degraded.includes('cache')),
    )
  }
})
afterAll(async () => {
  await gateway?.close()
  await alone?.close()
  await upstream?.close()
  await cache?.stop()
})
beforeEach(() => {
  upstream.asked.length = 0
  said = { 'cache-control': 'public, max-age=60' }
  atOnce = {}
  most = {}
  waiting = {}
})

async function ask(path: string, headers: Record<string, string> = {}, from = gateway) {
  const answer = await fetch(`${from.url}${path}`, { headers })
  return { status: answer.status, cacheStatus: answer.headers.get('cache-status') ?? '', body: await answer.text() }
}
const hits = async (path: string, ...headers: Record<string, string>[]) => {
  const statuses: boolean[] = []
  for (const each of headers) statuses.push(/; hit/.test((await ask(path, each)).cacheStatus))
  return statuses
}

describe('a route’s cache', () => {
  it('keeps what says nothing of that for its ttl, and nothing that is private or somebody’s cookie', async () => {
    said = {}
    expect(await hits('/kept/a', {}, {})).toEqual([false, true])
    expect(await hits('/plain/a', {}, {})).toEqual([false, false])
    for (const [id, wins] of [
      { 'cache-control': 'private' },
      { 'cache-control': 'no-store' },
      { 'set-cookie': 'a=b' },
    ].entries()) {
      said = wins as Record<string, string>
      expect(await hits(`/kept/${id}`, {}, {})).toEqual([false, false])
    }
  })

  it('guesses from Last-Modified only where it is told to', async () => {
    said = { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }
    expect(await hits('/guessed/a', {}, {})).toEqual([false, true])
    expect(await hits('/plain/b', {}, {})).toEqual([false, false])
  })

  it('goes by what clients say only where it is told to: anybody could drive the upstream', async () => {
    const reload = { 'cache-control': 'no-cache' }
    expect(await hits('/honoured/a', {}, {}, reload)).toEqual([false, true, false])
    expect(await hits('/plain/c', {}, {}, reload)).toEqual([false, true, true])
  })

  it('has an answer for each value of the fields it names', async () => {
    const [dark, light] = [{ 'x-theme': 'dark' }, { 'x-theme': 'light' }]
    expect(await hits('/themed/a', dark, light, {}, dark, light, {})).toEqual([false, false, false, true, true, true])
    expect((await ask('/themed/a', light)).body).toBe('light')
  })

  it.each([
    ['with its cache cold', () => gateway],
    ['with its cache service away', () => alone],
  ])('asks the upstream no more at once than it may, each route for itself, %s', async (_, from) => {
    const all = Array.from({ length: 40 }, (_, id) =>
      ['narrow', 'wide'].map((name) => ask(`/${name}/${id}`, {}, from())),
    )
    const answers = await Promise.all(all.flat())
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(['200 hello']))
    expect(most).toEqual({ narrow: 2, wide: 5 })
  })

  it('gives the place of a client that leaves to the next', async () => {
    said = { 'cache-control': 'private' }
    const leaving = Array.from({ length: 30 }, (_, id) =>
      request(`${gateway.url}/left/leaving${id}`)
        .on('error', () => {})
        .end(),
    )
    await until(
      async () => most['left'],
      (at) => at === 2,
    )
    for (const client of leaving) client.destroy()
    expect((await ask('/left/staying')).body).toBe('hello')
    expect(upstream.asked.length).toBeLessThan(30)
  })
})
