/** What readers and writers get when the cache service is slow, wrong, or away. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digest, freshOnly, HEADER, PurgeUnconfirmed } from '../src/index.ts'
import { cacheable, entry, framed, heldFill, never, ScriptedService, until, unwanted } from './scripted-service.ts'

let service: ScriptedService
beforeEach(async () => {
  service = new ScriptedService()
  await service.start()
})
afterEach(() => {
  vi.useRealTimers()
  return service.close()
})

const read = (fill = unwanted, signal = never) => service.client.read('k', 'url:k', fill, signal)

describe('a lookup', () => {
  it('without a verdict in time goes to the origin once for all its readers, and closes the connection', async () => {
    const hasty = new ScriptedService()
    await hasty.start({ verdictMs: 50 })
    let fills = 0
    const fill = async () => {
      fills++
      return cacheable('k', 'x')
    }
    const readers = [1, 2, 3].map(() => hasty.client.read('k', 'url:k', fill, never))
    const { response } = await hasty.next('GET entries')
    for (const reading of await Promise.all(readers))
      expect(reading).toMatchObject({ outcome: 'filled', stored: false })
    expect(fills).toBe(1)
    await until(() => response.destroyed)
    expect(hasty.client.peek('k')).toBeDefined()
    expect(hasty.client.counters.skipped).toBe(1)
    await hasty.close()
  })

  it.each([
    '{"outcome":"fil',
    '{"outcome":"filled","seq":2}\n????',
    '{"outcome":"lease","seq":2,"token":"e-2","stale":50}\n????',
    '{"outcome":"failed","seq":2,"status":502,"error":"connection_refused","stale":true}\n????',
  ])('that waits goes to the origin where no more comes than %j', async (told) => {
    const reading = read(async () => cacheable('k', 'origin'))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const response = service.verdict(await service.next('GET entries'), 'wait', 1)
    response.write(told)
    await until(() => service.client.counters.waits === 1)
    // Whoever reads what was told has a time limit of its own from then on.
    await until(() => vi.advanceTimersByTime(1000) && response.destroyed)
    vi.useRealTimers()
    expect(await reading).toMatchObject({ outcome: 'filled', collapsed: false, stored: false })
    expect(service.client.state.live).toBe(true)
  })

  it('whose entry is damaged, another key’s, cut short or too long is a miss', async () => {
    const good = framed(entry('k', 'a body'))
    const damaged = Buffer.from(good)
    damaged[good.length - 3] = 0
    for (const bytes of [damaged, framed(entry('l', 'x')), good.subarray(0, -1), Buffer.alloc(3_000_000)]) {
      const reading = read(async () => cacheable('k', 'origin', { windows: freshOnly(0) }))
      service.verdict(await service.next('GET entries'), 'hit', 1).end(bytes)
      expect(await reading).toMatchObject({ outcome: 'filled', entry: { body: Buffer.from('origin') } })
    }
  })

  it('answered with a verdict that is none, an error or a broken connection is a miss', async () => {
    const faults = [
      (response: import('node:http').ServerResponse) => response.writeHead(200).end(),
      (response: import('node:http').ServerResponse) => response.writeHead(500).end('{}'),
      (response: import('node:http').ServerResponse) =>
        response.writeHead(200, { [HEADER.verdict]: 'lease', [HEADER.seq]: '1' }).end(),
      (response: import('node:http').ServerResponse) => response.destroy(),
    ]
    for (const fault of faults) {
      const reading = read(async () => cacheable('k', 'origin', { windows: freshOnly(0) }))
      fault((await service.next('GET entries')).response)
      expect(await reading).toMatchObject({ outcome: 'filled' })
    }
  })

  it('that waits becomes the filler when told, stores with its own token, and closes when all have left', async () => {
    const reading = read(async () => cacheable('k', 'x'))
    const response = service.verdict(await service.next('GET entries'), 'wait', 1)
    response.write('{"outcome":"lease","seq":2,"token":"e-2"}\n')
    const put = await service.next('PUT entries')
    expect(put.request.headers[HEADER.token]).toBe('e-2')
    put.response.writeHead(204).end()
    expect(await reading).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })

    const leaving = new AbortController()
    const left = service.client.read('l', 'url:l', unwanted, leaving.signal)
    const wait = service.verdict(await service.next('GET entries'), 'wait', 3)
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await until(() => wait.destroyed)
  })

  it('whose lease is given up while its answer is on the way closes that answer, so that others can fill', async () => {
    const leaving = new AbortController()
    const left = read(unwanted, leaving.signal)
    const asked = await service.next('GET entries')
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await until(() => asked.response.destroyed)
  })
})

describe('a body that is not wanted to its end', () => {
  it('does not keep its connection: an entry too long, a decision that is none', async () => {
    const answers: [verdict: string, body: Buffer][] = [
      ['hit', Buffer.alloc(3_000_000)],
      ['wait', Buffer.from('nonsense\n')],
      ['wait', Buffer.from('{"outcome":"maybe"}\n')],
    ]
    for (const [verdict, body] of answers) {
      const reading = read(async () => cacheable('k', 'origin', { windows: freshOnly(0) }))
      const response = service.verdict(await service.next('GET entries'), verdict, 1)
      response.write(body)
      expect(await reading).toMatchObject({ outcome: 'filled' })
      await until(() => response.destroyed)
    }
  })

  it('harms nothing where the stream is refused', async () => {
    const { sessions } = service
    service.streams = 503
    service.cut()
    await until(() => service.sessions > sessions + 1)
    service.streams = 200
    await until(() => service.client.state.live)
  })
})

it('a damaged entry is purged, so that the next reader fills it anew', async () => {
  const damaged = framed(entry('k', 'a body'))
  damaged[damaged.length - 3] = 0
  const reading = read(async () => cacheable('k', 'origin'))
  service.verdict(await service.next('GET entries'), 'hit', 1).end(damaged)
  const { body, response } = await service.next('POST purge')
  expect(JSON.parse(body)).toEqual({ keys: ['k'] })
  response.writeHead(204).end()
  expect(await reading).toMatchObject({ outcome: 'filled' })
})

it('a read that waits for a fill without a session is asked for nowhere once its readers have left', async () => {
  service.time.now += 1800
  const held = heldFill()
  const first = read(held.fill)
  await held.started
  const leaving = new AbortController()
  const second = read(unwanted, leaving.signal)
  leaving.abort(new Error('gone'))
  await expect(second).rejects.toThrow('gone')
  await service.say({ seq: 2 })
  await until(() => service.client.state.live)
  held.end(cacheable('k', 'x'))
  await first
  await new Promise((resolve) => setImmediate(resolve))
  const other = service.client.read('l', 'url:l', async () => cacheable('l', 'x'), never)
  const asked = await service.next('GET entries')
  service.verdict(asked, 'pass', 2).end()
  await other
  expect(asked.request.url).toContain(digest('l'))
  expect(service.count('GET entries')).toBe(0)
})

it('closing says goodbye to the service, so that no purge waits the session out', async () => {
  const closed = service.client.close()
  const { request, response } = await service.next('DELETE sessions')
  expect(request.url).toBe(`/sessions/s${service.sessions}`)
  expect(service.client.peek('k')).toBeUndefined()
  response.writeHead(204).end()
  await closed
})

describe('without a session', () => {
  beforeEach(async () => {
    service.confirms = 410
    service.mutter({ seq: 2 })
    await until(() => !service.client.state.live)
  })

  it('those who arrive during a fill share the next one, however many', async () => {
    const first = heldFill()
    const one = read(first.fill)
    await first.started
    const second = heldFill()
    const rest = [read(second.fill), read(unwanted), read(unwanted)]
    let begun = false
    void second.started.then(() => {
      begun = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun).toBe(false)
    first.end(cacheable('k', 'old'))
    expect(await one).toMatchObject({ outcome: 'filled', entry: { body: Buffer.from('old') } })
    await second.started
    const third = read(async () => cacheable('k', 'newest'))
    second.end(cacheable('k', 'new'))
    for (const reading of await Promise.all(rest))
      expect(reading).toMatchObject({ entry: { body: Buffer.from('new') } })
    expect(await third).toMatchObject({ entry: { body: Buffer.from('newest') } })
    expect(service.client.peek('k')).toBeUndefined()
    expect(service.count('GET entries')).toBe(0)
  })

  it('nobody queues for what turned out not to be shareable', async () => {
    expect(await read(async () => ({ outcome: 'uncacheable' }))).toEqual({ outcome: 'uncacheable' })
    expect(await read(unwanted)).toEqual({ outcome: 'pass' })
    service.time.now += 10_001
    expect(await read(async () => cacheable('k', 'x'))).toMatchObject({ outcome: 'filled' })
  })

  it('a fill is cancelled when its last reader leaves, and the next one runs', async () => {
    const leaving = new AbortController()
    const first = heldFill()
    const one = read(first.fill, leaving.signal)
    const signal = await first.started
    const two = read(async () => cacheable('k', 'two'))
    leaving.abort(new Error('gone'))
    await expect(one).rejects.toThrow('gone')
    expect(signal.aborted).toBe(true)
    expect(await two).toMatchObject({ outcome: 'filled' })
  })
})

describe('a purge', () => {
  it('whose connection breaks is sent again', async () => {
    const purged = service.client.purge({ keys: ['k'] })
    ;(await service.next('POST purge')).response.destroy()
    const again = await service.next('POST purge')
    expect(JSON.parse(again.body)).toEqual({ keys: ['k'] })
    again.response.writeHead(204).end()
    await purged
  })

  it('answered with anything but 204 is not confirmed', async () => {
    const purged = service.client.purge({ keys: ['k'] })
    ;(await service.next('POST purge')).response.writeHead(500).end()
    await expect(purged).rejects.toBeInstanceOf(PurgeUnconfirmed)
  })

  it('without an answer in 5 s is not confirmed', async () => {
    const began = performance.now()
    await expect(service.client.purge({ all: true })).rejects.toMatchObject({
      code: 'purge_unconfirmed',
      statusCode: 504,
      message: expect.stringContaining('is done'),
    })
    expect(performance.now() - began).toBeGreaterThan(4900)
  })

  it('refused by the machine is done after 2 s: the cache is dead, and every L1 has lapsed by then', async () => {
    service.stop()
    await until(() => !service.client.state.live)
    const began = performance.now()
    await service.client.purge({ all: true })
    expect(performance.now() - began).toBeGreaterThanOrEqual(1990)
    expect(performance.now() - began).toBeLessThan(3500)
  })
})

it('closing ends readers, purges and the process’s handles', async () => {
  const held = heldFill()
  const reading = read(held.fill)
  service.verdict(await service.next('GET entries'), 'lease', 2, { [HEADER.token]: 'e-2' })
  const signal = await held.started
  const purged = service.client.purge({ all: true })
  await service.next('POST purge')
  const settled = Promise.allSettled([reading, purged])
  await service.client.close()
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(signal.aborted).toBe(true)
  await expect(read()).rejects.toThrow('closed')
})
