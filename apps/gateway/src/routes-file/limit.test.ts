import { YamlError } from '@spillway/service'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { readRoutes } from './read.ts'

const variables = { DB_URL: 'http://127.0.0.1:5002' }

/** A file with one route, which has this limit. */
async function read(limit: unknown, auth = 'signed-in') {
  const routes = [{ path: '/data', methods: ['GET'], upstream: 'db', auth, limit }]
  const text = stringify({ upstreams: { db: { endpoints: `\${DB_URL}` } }, routes })
  return (await readRoutes(text, { file: 'gateway.routes.yaml', variables })).routes[0]?.limits
}

async function mistakesIn(limit: unknown, auth?: string): Promise<string[]> {
  try {
    await read(limit, auth)
  } catch (error) {
    if (error instanceof YamlError) return error.mistakes.map(({ message }) => message)
    throw error
  }
  return []
}

describe('a route’s limit', () => {
  it('counts by user, and by address on public routes, and all may come at once', async () => {
    expect(await read({ requests: 100, per: '1m' })).toEqual([{ requests: 100, perMs: 60_000, burst: 100, by: 'user' }])
    expect(await read({ requests: 100, per: '1m' }, 'public')).toMatchObject([{ by: 'address' }])
    expect(await read(undefined)).toEqual([])
  })

  it('is read as it was written, with what all share last', async () => {
    const limits = fc.record({
      requests: fc.integer({ min: 1, max: 100_000 }),
      seconds: fc.integer({ min: 1, max: 86_400 }),
      burst: fc.integer({ min: 1, max: 100_000 }),
      by: fc.constantFrom('user', 'address', 'header:x-api-key'),
    })
    const written = fc.asyncProperty(fc.array(limits, { minLength: 1, maxLength: 4 }), async (list) => {
      const known = list.map(({ seconds, ...rest }) => ({ ...rest, perMs: seconds * 1000 }))
      const said = list.map(({ seconds, ...rest }) => ({ ...rest, per: `${seconds}s` }))
      const shared = { requests: 1, per: '1s', burst: 1, by: 'route' }
      expect(await read([shared, ...said])).toEqual([...known, { requests: 1, perMs: 1000, burst: 1, by: 'route' }])
    })
    await fc.assert(written)
  })

  it('takes a field by any spelling of its name', async () => {
    expect(await read({ requests: 1, per: '1s', by: 'header:X-Api-Key' })).toMatchObject([{ by: 'header:x-api-key' }])
  })

  it('has each mistake in it named, in a list too', async () => {
    const wrong = { requests: 0, per: '1500ms', burst: 2.5, by: 'everybody', rate: 1 }
    const said = (at: string) => [
      `routes[0].${at}.requests is 0; it must be a whole number from 1 to 100000`,
      `routes[0].${at}.per is "1500ms"; it must be whole seconds, up to a day, such as 1s, 1m, 1h`,
      `routes[0].${at}.burst is 2.5; it must be a whole number from 1 to 100000`,
      `routes[0].${at}.by is "everybody"; it must be user, address, route, or a field such as header:x-api-key`,
      `routes[0].${at}.rate is not a known key; known are requests, per, burst, by`,
    ]
    expect(await mistakesIn(wrong)).toEqual(said('limit'))
    expect(await mistakesIn([{ requests: 1, per: '1s' }, wrong])).toEqual(said('limit[1]'))
    expect(await mistakesIn({ requests: 1 })).toEqual([
      'routes[0].limit lacks per, which must be whole seconds, up to a day, such as 1s, 1m, 1h',
    ])
    expect(await mistakesIn('100/1m')).toEqual([
      'routes[0].limit is "100/1m"; it must be a limit such as { requests: 100, per: 1m }, or a list of them',
    ])
    for (const per of ['0s', '25h', '1', '0.5s']) expect(await mistakesIn({ requests: 1, per })).toHaveLength(1)
  })

  it('counts by user only where users are signed in', async () => {
    const by = { requests: 1, per: '1s', by: 'user' }
    const message = 'is user, but the route is public; it must be address, route or a field'
    expect(await mistakesIn(by, 'public')).toEqual([`routes[0].limit.by ${message}`])
    expect(await mistakesIn([{ requests: 1, per: '1s' }, by], 'public')).toEqual([`routes[0].limit[1].by ${message}`])
  })
})
