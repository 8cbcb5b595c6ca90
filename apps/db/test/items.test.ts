import type { TestDatabase } from '@spillway/postgres/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bearer, migratedDatabase, startService, type TestService } from './world.ts'

let database: TestDatabase
let db: TestService

beforeAll(async () => {
  database = await migratedDatabase()
  db = await startService(database.url)
})
afterAll(async () => {
  await db.close()
  await database.drop()
})
beforeEach(() => database.sql('DELETE FROM items'))

const put = (key: string, value: unknown, headers: Record<string, string> = {}) =>
  db.request('PUT', `/data/${key}`, { body: { value }, headers })
const patch = (key: string, value: unknown, headers: Record<string, string> = {}) =>
  db.request('PATCH', `/data/${key}`, { body: { value }, headers })

const FRESH = 'public, max-age=30, stale-while-revalidate=10, stale-if-error=60'

describe('reading an item', () => {
  it('gives the item, its version as ETag, and what caches need', async () => {
    await put('alpha', { n: 1 })
    for (const target of ['/data/alpha', '/data?key=alpha']) {
      const answer = await db.request('GET', target)
      const item = await answer.json()
      expect(item).toEqual({
        key: 'alpha',
        value: { n: 1 },
        version: expect.any(Number),
        updatedAt: expect.any(String),
      })
      expect(new Date(item.updatedAt).toISOString()).toBe(item.updatedAt)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        etag: `"${item.version}"`,
        'cache-control': 'private, no-cache',
        'cdn-cache-control': FRESH,
        'cache-tag': 'item:alpha',
      })
    }
  })

  it('answers HEAD with the same header and no body', async () => {
    await put('alpha', 1)
    const answer = await db.request('HEAD', '/data/alpha')
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(answer.headers.get('cache-tag')).toBe('item:alpha')
  })

  it('answers 404 that no cache keeps where there is none', async () => {
    const answer = await db.request('GET', '/data/nothing')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'item_not_found', status: 404 })
    expect(answer.headers.get('cdn-cache-control')).toBe('no-store')
  })

  it.each(['a%20b', 'a%2Fb', 'a%0Ab', '%00', 'ä', '.', '..', 'x'.repeat(129)])('refuses the key %s', async (key) => {
    const answer = await db.request('GET', `/data?key=${key}`)
    expect(answer.status).toBe(400)
    expect((await answer.json()).code).toBe('validation_failed')
  })

  it('counts what PostgreSQL was asked', async () => {
    const item = await db.metric('spillway_db_reads_total{kind="item"}')
    const page = await db.metric('spillway_db_reads_total{kind="page"}')
    await db.request('GET', '/data/nothing')
    await db.request('GET', '/data?key=nothing')
    await db.request('GET', '/data')
    expect(await db.metric('spillway_db_reads_total{kind="item"}')).toBe(item + 2)
    expect(await db.metric('spillway_db_reads_total{kind="page"}')).toBe(page + 1)
    expect(await db.metric('spillway_db_query_duration_seconds_count{query="item_page"}')).toBe(page + 1)
  })

  it('answers 304 to whoever has this version already, tags and policy with it (RFC 9110, 13.1.2, 15.4.5)', async () => {
    await put('alpha', 1)
    const answer = await db.request('GET', '/data/alpha')
    const etag = answer.headers.get('etag') as string
    for (const known of [etag, `W/${etag}`, `"0", ${etag}`, '*']) {
      const unchanged = await db.request('GET', '/data/alpha', { headers: { 'if-none-match': known } })
      expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
      for (const field of ['etag', 'cache-tag', 'cache-control', 'cdn-cache-control'])
        expect(unchanged.headers.get(field)).toBe(answer.headers.get(field))
    }
    const other = await db.request('GET', '/data/alpha', { headers: { 'if-none-match': '"0"' } })
    expect(other.status).toBe(200)
  })

  it('tells caches nothing may be kept where the TTL is 0', async () => {
    const uncached = await startService(database.url, { CACHE_TTL: 0 })
    await put('alpha', 1)
    expect((await uncached.request('GET', '/data/alpha')).headers.get('cdn-cache-control')).toBe('no-store')
    await uncached.close()
  })
})

describe('pages', () => {
  it('walk through all items in byte order, each once', async () => {
    const keys = ['Zeta', 'a', 'a-2', 'a.b', 'a_b', 'b', 'ba', '~']
    await Promise.all(keys.map((key) => put(key, key)))
    const seen: string[] = []
    let after = ''
    for (let pages = 0; ; pages++) {
      const answer = await db.request('GET', `/data?limit=3${after && `&after=${after}`}`)
      expect(answer.headers.get('cache-tag')).toBe('items')
      expect(answer.headers.get('cdn-cache-control')).toBe(FRESH)
      const { items, next } = await answer.json()
      seen.push(...items.map(({ key }) => key))
      if (next === null) {
        expect(pages).toBe(2)
        break
      }
      after = next
    }
    expect(seen).toEqual(['Zeta', 'a', 'a-2', 'a.b', 'a_b', 'b', 'ba', '~'])
  })

  it('hold 100 items unless told otherwise, and may be empty', async () => {
    expect(await (await db.request('GET', '/data')).json()).toEqual({ items: [], next: null })
    await database.sql(`INSERT INTO items (key, value) SELECT 'k' || n, '1' FROM generate_series(1000, 1100) n`)
    const page = await (await db.request('GET', '/data')).json()
    expect([page.items.length, page.next]).toEqual([100, 'k1099'])
    expect(await (await db.request('GET', '/data?after=k1099')).json()).toMatchObject({
      items: [{ key: 'k1100' }],
      next: null,
    })
  })

  it('end early where items are great, and lose none', async () => {
    await database.sql(
      `INSERT INTO items (key, value) SELECT 'k' || n, to_jsonb(repeat('x', 1000000)) FROM generate_series(1, 9) n`,
    )
    const sizes: number[] = []
    for (let after: string | null = 'a'; after !== null; ) {
      const page = await (await db.request('GET', `/data?after=${after}`)).json()
      sizes.push(page.items.length)
      after = page.next
    }
    expect(sizes).toEqual([4, 4, 1])
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'after=a%20b', 'afer=a', 'key=a&key=b'])('refuse ?%s', async (query) => {
    expect((await db.request('GET', `/data?${query}`)).status).toBe(400)
  })
})

describe('PUT', () => {
  it('makes an item with 201 and replaces it with 200, naming what it changed', async () => {
    const made = await put('alpha', 'one')
    expect([made.status, made.headers.get('location'), made.headers.get('cache-tag')]).toEqual([
      201,
      '/data/alpha',
      'item:alpha, items',
    ])
    const replaced = await put('alpha', 'two')
    expect([replaced.status, replaced.headers.get('cache-tag')]).toEqual([200, 'item:alpha, items'])
    const item = await replaced.json()
    expect(item).toMatchObject({ key: 'alpha', value: 'two' })
    expect(item.version).toBeGreaterThan((await made.json()).version)
    expect(replaced.headers.get('etag')).toBe(`"${item.version}"`)
  })

  it.each([null, false, 0, -1.5, '', 'ö ♥ 𝄞', [], {}, [[1, { a: null }]], { a: { b: [1, 'x', null] } }])(
    'keeps %j as it is',
    async (value) => {
      await put('alpha', value)
      expect((await (await db.request('GET', '/data/alpha')).json()).value).toEqual(value)
    },
  )

  it.each([
    ['a null character', '{"value":"a\\u0000b"}', '/value'],
    ['a null character in a name', '{"value":{"a\\u0000":1}}', '/value/a'],
    ['a whole number that would come out as another', '{"value":{"n":1e20}}', '/value/n'],
    ['more than 100 levels', `{"value":${'['.repeat(101)}${']'.repeat(101)}}`, 'nested'],
  ])('refuses %s, saying where', async (_, body, detail) => {
    const answer = await db.request('PUT', '/data/alpha', { body })
    const problem = await answer.json()
    expect([answer.status, problem.code]).toEqual([422, 'value_unsupported'])
    expect(problem.detail).toContain(detail)
    expect((await db.request('GET', '/data/alpha')).status).toBe(404)
  })

  it.each([
    ['half a surrogate pair', '{"value":["\\ud800"]}', 'ambiguous_json'],
    ['a whole number that would come out as another', '{"value":{"n":9007199254740993}}', 'ambiguous_json'],
    ['a number beyond all numbers', '{"value":1e999}', 'ambiguous_json'],
    ['a member that comes twice', '{"value":1,"value":2}', 'ambiguous_json'],
    ['a hundred thousand levels', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'json_too_complex'],
  ])('refuses %s before it is looked at', async (_, body, code) => {
    const answer = await db.request('PUT', '/data/alpha', { body })
    expect([answer.status, (await answer.json()).code]).toEqual([400, code])
  })

  it('takes 100 levels and the greatest exact number', async () => {
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`
    expect((await db.request('PUT', '/data/alpha', { body: `{"value":${deep}}` })).status).toBe(201)
    expect((await put('alpha', Number.MAX_SAFE_INTEGER)).status).toBe(200)
  })

  it.each([
    ['{', 400, 'malformed_json'],
    ['', 400, 'malformed_json'],
    ['{"value":1,"extra":2}', 400, 'validation_failed'],
    ['{}', 400, 'validation_failed'],
    ['[]', 400, 'validation_failed'],
    [`{"value":"${'x'.repeat(262_144)}"}`, 413, 'body_too_large'],
  ])('refuses the body %.20s with %i', async (body, status, code) => {
    const answer = await db.request('PUT', '/data/alpha', { body })
    expect([answer.status, (await answer.json()).code]).toEqual([status, code])
  })

  it('refuses names that could poison a prototype', async () => {
    const answer = await db.request('PUT', '/data/alpha', { body: '{"value":{"__proto__":{"a":1}}}' })
    expect(answer.status).toBe(400)
  })

  it('refuses other media types, a merge patch among them', async () => {
    for (const type of ['application/xml', 'application/merge-patch+json']) {
      const answer = await db.request('PUT', '/data/alpha', { body: '{"value":1}', headers: { 'content-type': type } })
      expect([answer.status, (await answer.json()).code]).toEqual([415, 'unsupported_media_type'])
    }
  })
})

describe('preconditions', () => {
  it('let a write happen only at the version named', async () => {
    const { version } = await (await put('alpha', 1)).json()
    const etag = `"${version}"`
    const second = await put('alpha', 2, { 'if-match': `"0", ${etag}` })
    expect(second.status).toBe(200)
    for (const write of [
      () => put('alpha', 3, { 'if-match': etag }),
      () => patch('alpha', 3, { 'if-match': etag }),
      () => db.request('DELETE', '/data/alpha', { headers: { 'if-match': etag } }),
    ]) {
      const late = await write()
      const problem = await late.json()
      expect([late.status, problem.code]).toEqual([412, 'version_mismatch'])
      expect(problem.detail).toBe(`the item is at ${second.headers.get('etag')}`)
      expect(late.headers.get('cache-tag')).toBe('item:alpha, items')
    }
    expect((await (await db.request('GET', '/data/alpha')).json()).value).toBe(2)
  })

  it('never match weak tags or tags of others', async () => {
    const { version } = await (await put('alpha', 1)).json()
    for (const tag of [`W/"${version}"`, `"${version}x"`, '"abc"', '""', '"99999999999999999999"']) {
      expect((await put('alpha', 2, { 'if-match': tag })).status).toBe(412)
    }
  })

  it('If-Match: * wants any version, If-None-Match: * wants none', async () => {
    expect((await put('alpha', 1, { 'if-match': '*' })).status).toBe(412)
    expect((await put('alpha', 1, { 'if-match': '"1"' })).status).toBe(412)
    expect((await put('alpha', 1, { 'if-none-match': '*' })).status).toBe(201)
    expect((await put('alpha', 2, { 'if-none-match': '*' })).status).toBe(412)
    expect((await put('alpha', 3, { 'if-match': '*' })).status).toBe(200)
    expect((await patch('alpha', 4, { 'if-none-match': '*' })).status).toBe(412)
    expect((await db.request('DELETE', '/data/alpha', { headers: { 'if-match': '*' } })).status).toBe(204)
  })

  it('of which only one can be asked, and in words that mean something', async () => {
    expect((await put('alpha', 1, { 'if-match': '"1"', 'if-none-match': '*' })).status).toBe(400)
    expect((await put('alpha', 1, { 'if-match': '1' })).status).toBe(400)
    expect((await put('alpha', 1, { 'if-none-match': '"1"' })).status).toBe(400)
  })

  it('let exactly one of many who saw the same version win', async () => {
    const { version } = await (await put('alpha', 0)).json()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => put('alpha', n, { 'if-match': `"${version}"` })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49)
  })

  it('let exactly one of many make an item', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => put('alpha', n, { 'if-none-match': '*' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(49)
  })
})

describe('PATCH', () => {
  it('merges, under either media type', async () => {
    await put('alpha', { a: 1, b: { c: 2, d: 3 } })
    const answer = await patch('alpha', { b: { c: null, e: 4 } })
    expect(await answer.json()).toMatchObject({ value: { a: 1, b: { d: 3, e: 4 } } })
    const again = await patch('alpha', { a: [1] }, { 'content-type': 'application/merge-patch+json' })
    expect(await again.json()).toMatchObject({ value: { a: [1], b: { d: 3, e: 4 } } })
    expect(again.headers.get('etag')).toBe(`"${(await (await db.request('GET', '/data/alpha')).json()).version}"`)
  })

  it('loses nothing when 200 merge at once, and their versions only grow', async () => {
    const { version } = await (await put('alpha', {})).json()
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => patch('alpha', { [`field-${n}`]: n })))
    const written = await Promise.all(answers.map((answer) => answer.json()))
    const final = await (await db.request('GET', '/data/alpha')).json()
    expect(Object.keys(final.value as object)).toHaveLength(200)
    expect(new Set(written.map((item) => item.version)).size).toBe(200)
    expect(final.version).toBe(Math.max(...written.map((item) => item.version)))
    // Whoever came later saw all that came before: the number of fields orders the writes as their versions do.
    written.sort((a, b) => a.version - b.version)
    expect(written.map(({ value }) => Object.keys(value as object).length)).toEqual(
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    expect(written[0]?.version).toBeGreaterThan(version)
  })

  it('of what is not there is 404, with the tags of a write all the same', async () => {
    const answer = await patch('alpha', { a: 1 })
    expect([answer.status, (await answer.json()).code]).toEqual([404, 'item_not_found'])
    expect(answer.headers.get('cache-tag')).toBe('item:alpha, items')
    expect(answer.headers.get('cdn-cache-control')).toBe('no-store')
  })

  it('cannot remove the value itself', async () => {
    await put('alpha', 1)
    const answer = await patch('alpha', null)
    expect([answer.status, (await answer.json()).code]).toEqual([422, 'value_unsupported'])
  })

  it('cannot make an item grow without end', async () => {
    await put('alpha', {})
    const statuses: number[] = []
    for (let n = 0; n < 6; n++) statuses.push((await patch('alpha', { [n]: 'x'.repeat(250_000) })).status)
    expect(statuses).toEqual([200, 200, 200, 200, 413, 413])
    expect((await patch('alpha', { 0: null })).status).toBe(200)
  })
})

describe('DELETE', () => {
  it('removes with 204, and then says 404', async () => {
    await put('alpha', 1)
    const gone = await db.request('DELETE', '/data/alpha')
    expect([gone.status, await gone.text(), gone.headers.get('cache-tag')]).toEqual([204, '', 'item:alpha, items'])
    const again = await db.request('DELETE', '/data/alpha')
    expect([again.status, again.headers.get('cache-tag')]).toEqual([404, 'item:alpha, items'])
  })

  it('never lets a version come again', async () => {
    const versions: number[] = []
    for (let round = 0; round < 5; round++) {
      versions.push((await (await put('alpha', 'the same')).json()).version)
      await db.request('DELETE', '/data/alpha')
    }
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
  })
})

describe('writes', () => {
  it.each(['PUT', 'PATCH', 'DELETE'])(
    '%s needs a token with the role editor, checked before the body',
    async (method) => {
      const headers = { authorization: '' }
      const body = method === 'DELETE' ? {} : { body: 'not even JSON' }
      const unsigned = await db.request(method, '/data/alpha', { ...body, headers })
      expect([unsigned.status, (await unsigned.json()).code]).toEqual([401, 'token_missing'])
      expect(unsigned.headers.get('www-authenticate')).toBe('Bearer realm="spillway"')
      const reader = { authorization: bearer('reader', 'admin') }
      const forbidden = await db.request(method, '/data/alpha', { ...body, headers: reader })
      expect([forbidden.status, (await forbidden.json()).code]).toEqual([403, 'role_missing'])
    },
  )

  it('are counted by what they did', async () => {
    const before = await db.metric('spillway_db_writes_total{operation="merge"}')
    await patch('nothing', {})
    await put('alpha', {})
    await patch('alpha', { a: 1 })
    expect(await db.metric('spillway_db_writes_total{operation="merge"}')).toBe(before + 1)
  })
})
