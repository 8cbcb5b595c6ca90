/** Request directives, where they are honoured (RFC 9111, 5.2.1) and where they are not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { World } from './world.ts'

const ETAG = '"v1"'
let world: World

beforeEach(async () => {
  world = await World.open(new MemoryCache(), { clientDirectives: 'honour' })
})
afterEach(() => world.close())

function answering(headers: Record<string, string>, body = 'hello', status = 200) {
  world.respond = (_, response) => response.writeHead(status, headers).end(body)
}
const asking = (cacheControl: string) => world.ask({ headers: { 'cache-control': cacheControl } })

describe('where they are honoured', () => {
  it.each(['no-cache', 'max-age=0', 'min-fresh=61'])('%s has a fresh answer revalidated first', async (directive) => {
    answering({ 'cache-control': 'max-age=60', etag: ETAG, age: '1' })
    await world.ask()
    answering({ 'cache-control': 'max-age=60', etag: ETAG }, '', 304)
    const answer = await asking(directive)
    expect(world.requests[1]?.headers).toMatchObject({ 'if-none-match': ETAG })
    expect(answer).toMatchObject({ status: 200, body: 'hello' })
    expect(answer.exchange.cacheStatus).toBe('fwd=request; fwd-status=304; stored')
    expect((await world.ask()).exchange.cacheStatus).toMatch(/^hit/)
  })

  it('an immutable answer is not reloaded while it is fresh (RFC 8246, 2)', async () => {
    answering({ 'cache-control': 'max-age=60, immutable' })
    await world.ask()
    for (const reload of ['no-cache', 'max-age=0']) expect((await asking(reload)).exchange.cacheStatus).toMatch(/^hit/)
    expect(world.requests).toHaveLength(1)
  })

  it('no-store passes by and leaves nothing (5.2.1.5)', async () => {
    answering({ 'cache-control': 'max-age=60' })
    expect((await asking('no-store')).exchange.cacheStatus).toBe('fwd=request')
    expect(world.cache.entries.size).toBe(0)
  })

  it('max-stale takes what is stale where the answer does not forbid it (5.2.1.2)', async () => {
    answering({ 'cache-control': 'max-age=10', age: '15', etag: ETAG })
    await world.ask()
    expect((await asking('max-stale=10')).exchange.cacheStatus).toBe('hit; ttl=-6; detail=l1')
    expect((await asking('max-stale=5')).exchange.cacheStatus).toMatch(/^fwd=stale/)
    expect(world.requests).toHaveLength(2)
  })
})

it('where they are not, nobody drives the origin with them', async () => {
  await world.close()
  world = await World.open(new MemoryCache())
  answering({ 'cache-control': 'max-age=60' })
  await world.ask()
  for (const directive of ['no-cache', 'no-store', 'max-age=0', 'min-fresh=90'])
    expect((await asking(directive)).exchange.cacheStatus).toMatch(/^hit/)
  expect((await world.ask({ headers: { pragma: 'no-cache' } })).exchange.cacheStatus).toMatch(/^hit/)
  expect(world.requests).toHaveLength(1)
})
