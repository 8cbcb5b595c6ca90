/** Readers of an answer that is under way: who gets it, who keeps it going, and what becomes of it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Filled, Filling } from '../src/index.ts'
import { HEADER } from '../src/index.ts'
import { type Asked, cacheable, heldFill, never, ScriptedService, until, unwanted } from './scripted-service.ts'

let service: ScriptedService
beforeEach(async () => {
  service = new ScriptedService()
  await service.start()
})
afterEach(() => service.close())

const read = (fill = unwanted, signal = never) => service.client.read('k', 'url:k', fill, signal)

/** A fill that has begun under a lease, or without one. */
async function begun({ signal = never, lease = true } = {}) {
  const { fill, started, end } = heldFill()
  const reading = read(fill, signal)
  const asked = await service.next('GET entries')
  const response = lease
    ? service.verdict(asked, 'lease', 2, { [HEADER.token]: 'e-2' })
    : asked.response.writeHead(500).end()
  const cancelled = await started
  const whole = Promise.withResolvers<Filled>()
  const answer = {}
  const filling: Filling = { outcome: 'begun', answer, tags: ['url:k', 'item'], whole: whole.promise }
  end(filling)
  return { first: await reading, answer, cancelled, whole: whole.resolve, response }
}

const stored = ({ response }: Asked) => response.writeHead(204).end()

describe('an answer that has begun', () => {
  it('is given at once to all who wait, and to those who come, and is stored when it is whole', async () => {
    const { first, answer, whole } = await begun()
    expect(first).toEqual({ outcome: 'begun', answer, collapsed: false, storing: true })
    expect(await read()).toEqual({ outcome: 'begun', answer, collapsed: true, storing: true })
    expect(service.client.peek('k')).toBeUndefined()
    whole(cacheable('k', 'x'))
    const put = await service.next('PUT entries')
    expect(service.client.peek('k')?.body.toString()).toBe('x')
    expect(put.request.headers[HEADER.token]).toBe('e-2')
    stored(put)
  })

  it('is not said to be stored where L2 is not there to store it', async () => {
    const { first, whole } = await begun({ lease: false })
    expect(first).toMatchObject({ outcome: 'begun', storing: false })
    whole(cacheable('k', 'x'))
  })

  it('is given to nobody who comes after a purge of it; one of something else hinders nobody', async () => {
    const { answer, whole } = await begun()
    await service.say({ seq: 3, tags: ['other'] })
    expect(await read()).toMatchObject({ outcome: 'begun', answer })
    await service.say({ seq: 4, tags: ['item'] })
    const late = read(async () => cacheable('k', 'new'))
    service.verdict(await service.next('GET entries'), 'pass', 4)
    expect(await late).toEqual({ outcome: 'pass' })
    whole(cacheable('k', 'old', { tags: ['url:k', 'item'] }))
    stored(await service.next('PUT entries'))
    expect(service.client.peek('k')).toBeUndefined()
  })

  it('goes on while one of its readers has not left, or has all that he wants', async () => {
    const leaving = new AbortController()
    const { cancelled, whole } = await begun()
    await read(unwanted, leaving.signal)
    leaving.abort(new Error('gone'))
    whole(cacheable('k', 'x'))
    stored(await service.next('PUT entries'))
    expect(cancelled.aborted).toBe(false)
  })

  it('is abandoned when all have left, and cancelled where nobody waits elsewhere', async () => {
    const leaving = new AbortController()
    const { cancelled } = await begun({ signal: leaving.signal })
    await read(unwanted, leaving.signal)
    leaving.abort(new Error('gone'))
    const { request, response } = await service.next('DELETE entries')
    expect(request.url).toContain('reason=abandoned')
    expect(cancelled.aborted).toBe(false)
    response.writeHead(204).end()
    await until(() => cancelled.aborted)
  })

  it('goes on when all have left where others wait elsewhere', async () => {
    const leaving = new AbortController()
    const { cancelled, whole } = await begun({ signal: leaving.signal })
    leaving.abort(new Error('gone'))
    const { response } = await service.next('DELETE entries')
    response.writeHead(409).end()
    whole(cacheable('k', 'x'))
    stored(await service.next('PUT entries'))
    expect(cancelled.aborted).toBe(false)
  })

  it.each<[string, Filled, RegExp]>([
    ['breaks', { outcome: 'failed', status: 502, error: 'connection_terminated' }, /reason=failed&status=502/],
    ['outgrows what may be stored', { outcome: 'uncacheable' }, /reason=uncacheable/],
  ])('is not stored where it %s, and those who wait elsewhere hear of it', async (_, filled, reason) => {
    const { whole } = await begun()
    whole(filled)
    const { request, response } = await service.next('DELETE entries')
    expect(request.url).toMatch(reason)
    response.writeHead(204).end()
    expect(service.client.peek('k')).toBeUndefined()
    expect(service.count('PUT entries')).toBe(0)
  })

  it('is cancelled when the client is closed', async () => {
    const { cancelled } = await begun()
    await service.client.close()
    expect(cancelled.aborted).toBe(true)
  })
})
