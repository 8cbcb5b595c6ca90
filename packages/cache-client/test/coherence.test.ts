/** The interleavings of lookups, purges and time that could bring an old value back, each driven through real sockets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HEADER } from '../src/index.ts'
import { cacheable, entry, framed, heldFill, never, ScriptedService, until, unwanted } from './scripted-service.ts'

let service: ScriptedService
beforeEach(async () => {
  service = new ScriptedService()
  await service.start()
})
afterEach(() => service.close())

const URL = 'url:k'
const read = (fill = unwanted, signal = never) => service.client.read('k', URL, fill, signal)

/** Puts `k` into L1 by a hit. */
async function fillL1(body = 'old') {
  const reading = read()
  service.verdict(await service.next('GET entries'), 'hit', 1).end(framed(entry('k', body)))
  await reading
  expect(service.client.peek('k')?.body.toString()).toBe(body)
}

describe('L1', () => {
  it('is not used from 1.8 s after the sending of the last answered confirmation, by the clock of that moment', async () => {
    await fillL1()
    service.time.now += 1799
    expect(service.client.peek('k')).toBeDefined()
    service.time.now += 1
    expect(service.client.peek('k')).toBeUndefined()
    expect(service.client.state).toMatchObject({ live: false })
    await service.say({ seq: 2 })
    await until(() => service.client.state.live)
    expect(service.client.peek('k')).toBeDefined()
  })

  it('counts the time from sending, however late the confirmation is answered', async () => {
    service.confirms = undefined
    service.mutter({ seq: 2 })
    const confirmation = await service.next('PUT sessions')
    service.time.now += 1700
    confirmation.response.writeHead(204).end()
    // The next one is sent only after that answer.
    service.mutter({ seq: 3 })
    await service.next('PUT sessions')
    expect(service.client.state.live).toBe(true)
    service.time.now += 100
    expect(service.client.state.live).toBe(false)
  })

  it('is not used while confirmations go unanswered, though the stream flows', async () => {
    await fillL1()
    service.confirms = undefined
    service.mutter({ seq: 2 })
    service.time.now += 1800
    service.mutter({ seq: 3 })
    expect(service.client.peek('k')).toBeUndefined()
  })

  it('is emptied when the service does not know the session, when the stream ends, and when it talks nonsense', async () => {
    const ends = [
      () => {
        service.confirms = 410
        service.mutter({ seq: 2 })
      },
      () => service.cut(),
      () => service.mutter({ seq: 'two' }),
    ]
    for (const end of ends) {
      const { sessions } = service
      await fillL1()
      end()
      await until(() => !service.client.state.live)
      service.confirms = 204
      await until(() => service.sessions > sessions && service.client.state.live)
      expect(service.client.peek('k')).toBeUndefined()
    }
  })

  it('forgets its own purge at once, before the service has answered', async () => {
    await fillL1()
    const purged = service.client.purge({ tags: [URL] })
    expect(service.client.peek('k')).toBeUndefined()
    const { response } = await service.next('POST purge')
    response.writeHead(204).end()
    await purged
  })

  it('drops an entry at the end of its lifetime', async () => {
    const reading = read()
    const hit = framed(entry('k', 'x', { ageMs: 59_000 }))
    service.verdict(await service.next('GET entries'), 'hit', 1).end(hit)
    await reading
    service.time.now += 999
    expect(service.client.peek('k')?.ageMs).toBe(59_000)
    service.time.now += 2
    expect(service.client.peek('k')).toBeUndefined()
  })
})

describe('a purge applied after the verdict', () => {
  it('keeps a hit whose body comes later out of L1', async () => {
    for (const purge of [{ keys: ['k'] }, { tags: [URL] }, { all: true as const }]) {
      const reading = read()
      const response = service.verdict(await service.next('GET entries'), 'hit', 1)
      await service.say({ seq: 2, ...purge })
      response.end(framed(entry('k', 'old')))
      expect(await reading).toMatchObject({ outcome: 'hit', tier: 'l2' })
      expect(service.client.peek('k')).toBeUndefined()
      service.cut()
      await until(() => !service.client.state.live)
      await until(() => service.client.state.live)
    }
  })

  it('keeps a fill elsewhere whose body comes later out of L1, and new readers out of that wait', async () => {
    const reading = read()
    const response = service.verdict(await service.next('GET entries'), 'wait', 1)
    const bytes = framed(entry('k', 'old'))
    response.write(Buffer.concat([Buffer.from('{"outcome":"filled","seq":3}\n'), bytes.subarray(0, 10)]))
    await service.say({ seq: 4, tags: [URL] })
    const after = read()
    const asked = await service.next('GET entries')
    response.end(bytes.subarray(10))
    expect(await reading).toMatchObject({ outcome: 'filled', collapsed: true })
    expect(service.client.peek('k')).toBeUndefined()
    service.verdict(asked, 'hit', 4).end(framed(entry('k', 'new')))
    expect(await after).toMatchObject({ outcome: 'hit' })
    expect(service.client.peek('k')?.body.toString()).toBe('new')
  })

  it('keeps a fill of its own out of L1, and new readers out of it', async () => {
    const old = heldFill()
    const before = read(old.fill)
    service.verdict(await service.next('GET entries'), 'lease', 2, { [HEADER.token]: 'e-2' })
    await old.started
    await service.say({ seq: 3, keys: ['k'] })
    const after = read()
    const asked = await service.next('GET entries')
    old.end(cacheable('k', 'old'))
    const put = await service.next('PUT entries')
    expect(put.request.headers[HEADER.token]).toBe('e-2')
    put.response.writeHead(409).end()
    expect(await before).toMatchObject({ outcome: 'filled', stored: false })
    expect(service.client.peek('k')).toBeUndefined()
    service.verdict(asked, 'pass', 4).end()
    expect(await after).toEqual({ outcome: 'pass' })
  })

  it('of a tag that turns out to be the fill’s keeps it out of L1; of another it does not', async () => {
    for (const [tag, kept] of [
      ['its', false],
      ['other', true],
    ] as const) {
      const held = heldFill()
      const reading = read(held.fill)
      service.verdict(await service.next('GET entries'), 'lease', 2, { [HEADER.token]: 'e-2' })
      await held.started
      await service.say({ seq: 3, tags: [tag] })
      held.end(cacheable('k', 'x', { tags: [URL, 'its'] }))
      ;(await service.next('PUT entries')).response.writeHead(kept ? 204 : 409).end()
      expect(await reading).toMatchObject({ outcome: 'filled', stored: kept })
      expect(service.client.peek('k') !== undefined).toBe(kept)
      service.cut()
      await until(() => !service.client.state.live)
      await until(() => service.client.state.live)
    }
  })
})

describe('a purge from before the verdict', () => {
  it('that comes late does not keep the answer out of L1, since the service had applied it', async () => {
    const reading = read()
    const response = service.verdict(await service.next('GET entries'), 'hit', 5)
    await service.say({ seq: 4, tags: [URL] })
    response.end(framed(entry('k', 'new')))
    await reading
    expect(service.client.peek('k')?.body.toString()).toBe('new')
  })

  it('that comes late does not keep a fill elsewhere out of L1, which was accepted after it', async () => {
    const reading = read()
    const response = service.verdict(await service.next('GET entries'), 'wait', 1)
    const bytes = framed(entry('k', 'new'))
    response.write(Buffer.concat([Buffer.from('{"outcome":"filled","seq":5}\n'), bytes.subarray(0, 10)]))
    await service.say({ seq: 4, tags: [URL] })
    response.end(bytes.subarray(10))
    await reading
    expect(service.client.peek('k')?.body.toString()).toBe('new')
  })

  it('applied while the lookup is under way keeps nobody out once the verdict says that it is newer', async () => {
    const first = read()
    const asked = await service.next('GET entries')
    await service.say({ seq: 2, tags: [URL] })
    const response = service.verdict(asked, 'hit', 2)
    await until(() => service.client.counters.l2Hits === 1)
    const second = read()
    response.end(framed(entry('k', 'new')))
    expect(await first).toMatchObject({ outcome: 'hit' })
    expect(await second).toMatchObject({ outcome: 'hit' })
    expect(service.count('GET entries')).toBe(0)
  })

  it('applied while the lookup is under way keeps new readers out until the verdict says that it is newer', async () => {
    const first = read()
    const asked = await service.next('GET entries')
    await service.say({ seq: 2, tags: [URL] })
    const second = read()
    const again = await service.next('GET entries')
    service.verdict(asked, 'hit', 1).end(framed(entry('k', 'old')))
    expect(await first).toMatchObject({ entry: { body: Buffer.from('old') } })
    const response = service.verdict(again, 'hit', 2)
    response.flushHeaders()
    response.end(framed(entry('k', 'new')))
    expect(await second).toMatchObject({ entry: { body: Buffer.from('new') } })
    expect(service.client.peek('k')?.body.toString()).toBe('new')
  })
})

describe('a process that was stopped', () => {
  it('neither uses L1, nor joins a fill, nor keeps one, before anything of its sockets is read', async () => {
    await fillL1()
    const old = heldFill()
    const running = service.client.read('l', 'url:l', old.fill, never)
    service.verdict(await service.next('GET entries'), 'lease', 2, { [HEADER.token]: 'e-2' })
    await old.started
    service.time.now += 10_000
    expect(service.client.peek('k')).toBeUndefined()
    let late = 'waiting'
    const after = service.client.read('l', 'url:l', async () => cacheable('l', 'new'), never)
    void after.then(() => {
      late = 'done'
    })
    old.end(cacheable('l', 'old'))
    ;(await service.next('PUT entries')).response.writeHead(409).end()
    expect(await running).toMatchObject({ outcome: 'filled', stored: false })
    expect(await after).toMatchObject({ entry: { body: Buffer.from('new') } })
    expect(late).toBe('done')
    await service.say({ seq: 2 })
    await until(() => service.client.state.live)
    expect(service.client.peek('l')).toBeUndefined()
  })
})

describe('a new session', () => {
  it('joins and keeps nothing that the one before began', async () => {
    const old = heldFill()
    const before = read(old.fill)
    service.verdict(await service.next('GET entries'), 'lease', 2, { [HEADER.token]: 'e-2' })
    await old.started
    const { sessions } = service
    service.cut()
    await until(() => service.sessions > sessions && service.client.state.live)
    const after = read()
    const asked = await service.next('GET entries')
    old.end(cacheable('k', 'old'))
    ;(await service.next('PUT entries')).response.writeHead(409).end()
    await before
    expect(service.client.peek('k')).toBeUndefined()
    service.verdict(asked, 'hit', 2).end(framed(entry('k', 'new')))
    expect(await after).toMatchObject({ entry: { body: Buffer.from('new') } })
  })

  it('finds a reader who waited at the one before at the origin', async () => {
    const reading = read(async () => cacheable('k', 'x'))
    service.verdict(await service.next('GET entries'), 'wait', 1)
    service.cut()
    expect(await reading).toMatchObject({ outcome: 'filled', collapsed: false, stored: false })
  })
})
