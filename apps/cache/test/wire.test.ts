/** The wire as any HTTP client sees it: refusals, held answers, streams that nobody reads. */
import { once } from 'node:events'
import http from 'node:http'
import { digest, type EntriesPage, frame, HEADER, seal } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { entry, until, World } from './world.ts'

let world: World
let url: string
beforeEach(async () => {
  world = new World()
  url = (await world.service()).url
})
afterEach(() => world.close())

const hash = digest('k')
const lookup = (session: string) => ({ [HEADER.session]: session, [HEADER.url]: digest('url:k') })
const stats = async () => (await (await fetch(`${url}/stats`)).json()) as Record<string, number>
const entryFrame = (key: string, body = 'one') => new Uint8Array(frame(seal(entry(key, body)), 0))

/** A session kept alive only by what the test does. */
async function session() {
  const request = http.get(`${url}/stream?instance=raw`)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const [first] = (await once(response, 'data')) as [Buffer]
  const hello = JSON.parse(first.toString().split('\n')[0] as string) as { session: string; epoch: string; seq: number }
  const lines: object[] = []
  response.on('error', () => {})
  request.on('error', () => {})
  response.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line) as object)
  })
  const confirm = (seq: number) =>
    fetch(`${url}/sessions/${hello.session}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seq }),
    })
  return { ...hello, lines, confirm, response, close: () => request.destroy() }
}

/** Asks, and leaves the answer open. */
async function ask(of: string, path = hash) {
  const request = http.get(`${url}/entries/${path}`, { headers: lookup(of), agent: false })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let body = ''
  let ended = false
  response.on('end', () => {
    ended = true
  })
  response.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1')
  })
  request.on('error', () => {})
  response.on('error', () => {})
  return {
    verdict: response.headers[HEADER.verdict],
    seq: Number(response.headers[HEADER.seq]),
    token: response.headers[HEADER.token] as string,
    response,
    body: () => body,
    ended: () => ended,
    close: () => request.destroy(),
  }
}

const put = (token: string, body: Uint8Array, path = hash) =>
  fetch(`${url}/entries/${path}`, {
    method: 'PUT',
    headers: { [HEADER.token]: token, 'content-type': 'application/octet-stream' },
    body,
  })

const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code

describe('an entry', () => {
  it('is leased, waited for, filled and hit', async () => {
    const { session: id, close } = await session()
    const holder = await ask(id)
    expect(holder).toMatchObject({ verdict: 'lease', seq: 1 })
    const waiter = await ask(id)
    expect(waiter).toMatchObject({ verdict: 'wait', seq: 1 })
    expect((await put(holder.token, entryFrame('k'))).status).toBe(204)
    await until(() => waiter.ended() && holder.ended())
    expect(holder.body()).toBe('')
    expect(waiter.body().split('\n')[0]).toBe('{"outcome":"filled","seq":1}')
    const hit = await ask(id)
    await until(hit.ended)
    expect(hit.verdict).toBe('hit')
    expect(hit.body().endsWith('one')).toBe(true)
    expect(await stats()).toMatchObject({ hits: 1, misses: 2, size: 1, leases: 0, waiting: 0, sessions: 1 })
    close()
    await until(async () => (await stats())['sessions'] === 0)
  })

  it('is leased to the next when the holder’s connection closes', async () => {
    const { session: id, close } = await session()
    const holder = await ask(id)
    const waiter = await ask(id)
    holder.close()
    await until(() => waiter.body().includes('\n'))
    const decided = JSON.parse(waiter.body()) as { outcome: string; token: string; seq: number }
    expect(decided).toMatchObject({ outcome: 'lease', seq: 2 })
    const refused = await put(holder.token, entryFrame('k'))
    expect(refused.status).toBe(409)
    expect(await codeOf(refused)).toBe('lease_void')
    expect((await put(decided.token, entryFrame('k'))).status).toBe(204)
    close()
  })

  it('is not leased by HEAD, whose answer has no body to hold open', async () => {
    const head = await fetch(`${url}/entries/${digest('head')}`, { method: 'HEAD', headers: lookup('any') })
    expect([head.status, head.headers.get('allow')]).toEqual([405, 'GET, DELETE, PUT'])
  })

  it('is nobody’s without a live session: 410', async () => {
    const answer = await fetch(`${url}/entries/${hash}`, { headers: lookup('nobody') })
    expect(answer.status).toBe(410)
    expect(await codeOf(answer)).toBe('session_gone')
  })

  it('that is damaged or another key’s is refused, and the lease still stands', async () => {
    const { session: id, close } = await session()
    const { token } = await ask(id)
    const damaged = entryFrame('k')
    damaged[damaged.length - 1] = 0
    for (const body of [damaged, entryFrame('l'), new Uint8Array(0)]) {
      const refused = await put(token, body)
      expect(refused.status).toBe(400)
    }
    expect((await put(token, entryFrame('k'))).status).toBe(204)
    close()
  })

  it('given back: failed is shared, abandoned is refused while others wait', async () => {
    const { session: id, close } = await session()
    const holder = await ask(id)
    const waiter = await ask(id)
    const give = (query: string) =>
      fetch(`${url}/entries/${hash}?${query}`, { method: 'DELETE', headers: { [HEADER.token]: holder.token } })
    const awaited = await give('reason=abandoned')
    expect(awaited.status).toBe(409)
    expect(await codeOf(awaited)).toBe('fill_awaited')
    expect((await give('reason=failed&status=504&error=http_response_timeout')).status).toBe(204)
    await until(waiter.ended)
    expect(JSON.parse(waiter.body())).toEqual({
      outcome: 'failed',
      seq: 1,
      status: 504,
      error: 'http_response_timeout',
    })
    expect((await give('reason=abandoned')).status).toBe(204)
    close()
  })
})

describe('a session', () => {
  it('hears pings and purges, and a purge waits for its word, or for 2 s without one', async () => {
    const { confirm, lines, close } = await session()
    await until(() => lines.length > 0)
    expect(lines[0]).toEqual({ seq: 0 })
    let answered = false
    const began = performance.now()
    const purged = fetch(`${url}/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tags: ['a'] }),
    }).then((response) => {
      answered = true
      return response.status
    })
    await until(() => lines.some((line) => 'tags' in line))
    await until(async () => {
      await confirm(0)
      return performance.now() - began > 1500
    })
    expect(answered).toBe(false)
    expect((await confirm(1)).status).toBe(204)
    expect(await purged).toBe(204)
    close()
  })

  it('that says nothing for 2 s is closed, and 410 from then on', async () => {
    const { response, confirm } = await session()
    await until(() => response.destroyed || response.complete, 3000)
    expect((await confirm(0)).status).toBe(410)
    expect(await codeOf(await confirm(0))).toBe('session_gone')
  })

  it('that does not read its stream is dropped before it fills the memory', async () => {
    const { response, confirm, session: id } = await session()
    response.pause()
    const tags = ['x'.repeat(200_000)]
    const pending: Promise<unknown>[] = []
    for (let n = 0; n < 60; n++) {
      const body = JSON.stringify({ tags })
      const sent = fetch(`${url}/purge`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      pending.push(sent.catch(() => {}))
      if ((await confirm(0)).status === 410) break
    }
    expect((await confirm(0)).status).toBe(410)
    expect((await fetch(`${url}/entries/${digest('z')}`, { headers: lookup(id) })).status).toBe(410)
    response.destroy()
    await Promise.all(pending)
  })
})

describe('bad input', () => {
  it.each([
    ['GET', '/stream', undefined, 'validation_failed'],
    ['GET', '/entries/nothex', undefined, 'validation_failed'],
    ['GET', `/entries/${hash}`, undefined, 'validation_failed'],
    ['PUT', `/entries/${hash}`, '{}', 'validation_failed'],
    ['DELETE', `/entries/${hash}?reason=bored`, undefined, 'validation_failed'],
    ['POST', '/purge', '{}', 'validation_failed'],
    ['POST', '/purge', '{"keys":[]}', 'validation_failed'],
    ['POST', '/purge', '{"keys":["a"],"all":true}', 'validation_failed'],
    ['POST', '/purge', '{"all":false}', 'validation_failed'],
    ['POST', '/purge', '{', 'malformed_json'],
    ['POST', '/limits/borrow', '{"asks":[]}', 'validation_failed'],
    [
      'POST',
      '/limits/borrow',
      '{"asks":[{"key":"a","intervalMs":0,"burst":1,"want":1,"spent":0}]}',
      'validation_failed',
    ],
    ['PUT', '/sessions/x', '{"seq":"a"}', 'validation_failed'],
    ['PUT', '/sessions/x', '{"seq":1}', 'session_gone'],
    ['POST', '/entries/x', undefined, 'method_not_allowed'],
    ['GET', '/nothing', undefined, 'route_not_found'],
  ])('%s %s %s is a problem: %s', async (method, path, body, code) => {
    const answer = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    })
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await codeOf(answer)).toBe(code)
  })

  it('a body too long is refused', async () => {
    const { session: id, close } = await session()
    const { token } = await ask(id)
    expect((await put(token, new Uint8Array(3 * 1024 * 1024))).status).toBe(413)
    close()
  })
})

describe('operators', () => {
  it('see what is held, page by page, without bodies', async () => {
    const { session: id, close } = await session()
    for (const key of ['a', 'b', 'c']) await put((await ask(id, digest(key))).token, entryFrame(key), digest(key))
    const page = async (query: string) => (await (await fetch(`${url}/entries?${query}`)).json()) as EntriesPage
    const first = await page('prefix=url:a&prefix=url:c&limit=1')
    expect(first).toEqual({
      entries: [{ key: 'a', tags: ['url:a'], ageMs: expect.any(Number), freshMs: expect.any(Number), bytes: 3 }],
      cursor: expect.any(String),
    })
    const { entries, cursor } = await page(`prefix=url:a&prefix=url:c&limit=1&cursor=${first.cursor}`)
    expect([entries.map(({ key }) => key), cursor]).toEqual([['c'], undefined])
    expect((await page('')).entries.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    expect((await fetch(`${url}/entries?limit=1001`)).status).toBe(400)
    close()
  })

  it('see the figures in /metrics', async () => {
    await fetch(`${url}/entries/${hash}`, { headers: lookup('nobody') })
    const text = await (await fetch(`${url}/metrics`)).text()
    const counted = ['hits_total 0', 'misses_total 1', 'stale_total 0', 'collapsed_total 0', 'evictions_total 0']
    for (const name of [...counted, 'expired_total 0', 'sweep_seconds_total']) {
      expect(text).toContain(`\nspillway_cache_${name}`)
    }
    expect(text).toContain('spillway_cache_limit_lent_total 0')
    for (const name of ['limit_keys', 'size', 'bytes', 'hit_rate', 'leases', 'waiting', 'sessions', 'purges_pending']) {
      expect(text).toContain(`spillway_cache_${name} 0`)
    }
  })

  it('see in /metrics how far each gateway’s stream is behind', async () => {
    const { seq, confirm, close } = await session()
    const purged = fetch(`${url}/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"tags":["t"]}',
    })
    const behind = async () =>
      /stream_lag_purges\{gateway="raw"\} (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1]
    await until(async () => (await behind()) === '1')
    await confirm(seq + 1)
    expect(await behind()).toBe('0')
    close()
    await purged
    await until(async () => (await behind()) === undefined)
  })
})
