import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyRequest, type RouteHandlerMethod } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type RouteCaching, TtlCache, ttlCache } from './index.ts'

/** A server that knows who asks by a field, as packages/auth does by a token. */
async function server(declare: (app: FastifyInstance) => void, maxBytes = 100_000) {
  const time = { now: 1000 }
  const app = Fastify()
  onTestFinished(() => app.close())
  app.decorateRequest('identity', null)
  app.addHook('onRequest', async (request) => {
    const { subject, roles = '' } = request.headers as { subject?: string; roles?: string }
    if (subject) Object.assign(request, { identity: { subject, roles: roles.split(',') } })
  })
  const store = new TtlCache<object>({ maxBytes, maxEntryBytes: maxBytes, clock: () => time.now })
  await app.register(ttlCache, { store })
  declare(app)
  await app.ready()
  const ask = async (url = '/', headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') => {
    const answer = await app.inject({ url, headers, method })
    return {
      status: answer.statusCode,
      body: answer.body,
      hit: answer.headers['cache-status'] === 'ttl-cache; hit',
      answer,
    }
  }
  return { app, ask, time, store }
}

/** A route whose handler counts. */
async function counting(cache: RouteCaching = { ttl: '30s' }, path = '/') {
  let runs = 0
  return server((app) => app.get(path, { config: { cache } }, () => ({ run: ++runs })))
}

describe('a route that says how long its answers are kept', () => {
  it('runs its handler once until the time is over', async () => {
    const { ask, time } = await counting()
    const first = await ask()
    expect(first).toMatchObject({ status: 200, body: '{"run":1}', hit: false })
    const hit = await ask()
    expect(hit).toMatchObject({ status: 200, body: '{"run":1}', hit: true })
    expect(hit.answer.headers).toMatchObject({ 'content-type': first.answer.headers['content-type'], age: '0' })
    time.now += 30_001
    expect(await ask()).toMatchObject({ body: '{"run":2}', hit: false })
  })

  it('keeps each URL and each host apart, and answers HEAD by what GET has brought', async () => {
    const { ask } = await counting({ ttl: '1m' }, '/:id')
    const asked = [await ask('/a'), await ask('/a?b'), await ask('/a', { host: 'other' }), await ask('/a')]
    expect(asked.map(({ body }) => JSON.parse(body).run)).toEqual([1, 2, 3, 1])
    expect(await ask('/a', {}, 'HEAD')).toMatchObject({ status: 200, body: '', hit: true })
    expect(await ask('/new', {}, 'HEAD')).toMatchObject({ status: 200, hit: false })
    expect(await ask('/new')).toMatchObject({ hit: false })
  })

  it('runs it once for all who ask meanwhile', async () => {
    let runs = 0
    const answer = Promise.withResolvers<void>()
    const { ask } = await server((app) =>
      app.get('/', { config: { cache: { ttl: '5m' } } }, async () => {
        runs++
        await answer.promise
        return 'made'
      }),
    )
    const all = Array.from({ length: 50 }, () => ask())
    while (runs === 0) await new Promise(setImmediate)
    answer.resolve()
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(Array(50).fill('made'))
    expect(runs).toBe(1)
  })

  it('lets another one of those who wait try where the first has left', async () => {
    let runs = 0
    const { app } = await server((app) =>
      app.get('/', { config: { cache: { ttl: '5m' } } }, () => (++runs === 1 ? new Promise(() => {}) : 'made')),
    )
    await app.listen({ port: 0 })
    const url = `http://localhost:${(app.server.address() as AddressInfo).port}`
    const first = get(url).on('error', () => {})
    while (runs === 0) await new Promise(setImmediate)
    const others = [fetch(url), fetch(url)]
    await once(app.server, 'connection')
    first.destroy()
    expect(await Promise.all(others.map(async (each) => (await each).text()))).toEqual(['made', 'made'])
    expect(runs).toBe(2)
  })

  it('forgets by tag, also what a handler read before the purge and answers after it', async () => {
    const running: (() => void)[] = []
    const { ask, app } = await server((app) =>
      app.get<{ Params: { id: string } }>(
        '/:id',
        { config: { cache: { ttl: '5m', tags: (request) => [`item:${(request.params as { id: string }).id}`] } } },
        () => new Promise((resolve) => running.push(() => resolve(`run ${running.length}`))),
      ),
    )
    const before = ask('/a')
    while (running.length < 1) await new Promise(setImmediate)
    app.store.purgeTag('item:a')
    const after = ask('/a')
    while (running.length < 2) await new Promise(setImmediate)
    running[0]?.()
    await before
    running[1]?.()
    expect(await after).toMatchObject({ body: 'run 2', hit: false })
    expect(await ask('/a')).toMatchObject({ body: 'run 2', hit: true })
    app.store.purgeTag('item:b')
    expect(await ask('/a')).toMatchObject({ hit: true })
  })
})

describe('an answer is shared', () => {
  const [ada, bob] = [
    { subject: 'ada', roles: 'b,a' },
    { subject: 'bob', roles: 'a,b' },
  ]
  const eve = { subject: 'eve', roles: 'a' }
  it.each<[string, RouteCaching['scope'], Record<string, string>, Record<string, string>, boolean]>([
    ['by nobody else where it is known who asks', undefined, ada, bob, false],
    ['with whoever asks again', undefined, ada, ada, true],
    ['by all who are nobody', undefined, {}, {}, true],
    ['not with nobody by somebody', undefined, ada, {}, false],
    ['not where a cookie may say who asks', undefined, { cookie: 'a=b' }, { cookie: 'a=b' }, false],
    ['not where Authorization may', undefined, { authorization: 'x' }, { authorization: 'x' }, false],
    ['by those with the same roles', 'role', ada, bob, true],
    ['not by those with other roles', 'role', ada, eve, false],
    ['not by those without any', 'role', {}, {}, false],
    ['not by nobody where it is a user’s', 'user', {}, {}, false],
    ['by all where the route says so', 'public', { ...ada, cookie: 'a=b', authorization: 'x' }, {}, true],
  ])('%s', async (_what, scope, first, second, hit) => {
    const { ask } = await counting({ ttl: '1h', ...(scope && { scope }) })
    await ask('/', first)
    expect((await ask('/', second)).hit).toBe(hit)
  })

  it('not past whatever else refuses a request', async () => {
    const { ask } = await server((app) => {
      const preHandler = async (request: FastifyRequest) => {
        if (request.headers['x-refuse']) throw Object.assign(new Error('no'), { statusCode: 403 })
      }
      app.get('/', { preHandler, config: { cache: { ttl: '1h', scope: 'public' } } }, () => 'secret')
    })
    await ask()
    expect(await ask('/', { 'x-refuse': '1' })).toMatchObject({ status: 403 })
  })
})

describe('an answer is not kept', () => {
  it.each<[string, RouteHandlerMethod]>([
    ['with a cookie', (_, reply) => reply.header('set-cookie', 'a=b').send('x')],
    ['with no-store', (_, reply) => reply.header('cache-control', 'max-age=9, No-Store').send('x')],
    ['with no-cache', (_, reply) => reply.header('cache-control', 'no-cache="a"').send('x')],
    ['with private', (_, reply) => reply.header('cache-control', 'private').send('x')],
    ['that depends on everything', (_, reply) => reply.header('vary', 'accept, *').send('x')],
    ['that is none of 200', (_, reply) => reply.code(404).send('x')],
    ['that is an error', () => Promise.reject(new Error('no'))],
    ['that streams', (_, reply) => reply.send(new Blob(['x']).stream())],
    ['that is too large', () => 'x'.repeat(200_000)],
  ])('%s', async (_what, handler) => {
    const { ask, store } = await server((app) => app.get('/', { config: { cache: { ttl: '1h' } } }, handler))
    await ask()
    expect(await ask()).toMatchObject({ hit: false })
    expect([...store.entries()]).toEqual([])
  })

  it('for the same as one that names other fields', async () => {
    const { ask } = await server((app) =>
      app.get('/', { config: { cache: { ttl: '1h' } } }, (request, reply) =>
        reply.header('vary', 'Accept-Language').send(request.headers['accept-language']),
      ),
    )
    const [de, fr] = [{ 'accept-language': 'de' }, { 'accept-language': 'fr' }]
    expect(await ask('/', de)).toMatchObject({ body: 'de', hit: false })
    expect(await ask('/', de)).toMatchObject({ body: 'de', hit: true })
    expect(await ask('/', fr)).toMatchObject({ body: 'fr', hit: false })
  })

  it('with what hooks put on each answer', async () => {
    let asked = 0
    const { ask } = await server((app) => {
      app.addHook('onRequest', async (_, reply) => void reply.header('x-asked', ++asked))
      app.addHook('onSend', async (_request, _reply, body) => `<${(body as string).toUpperCase()}>`)
      app.get('/', { config: { cache: { ttl: '1h' } } }, (_, reply) => reply.header('x-own', 'kept').send('x'))
    })
    for (const time of ['1', '2']) {
      const { answer } = await ask()
      expect(answer.headers).toMatchObject({ 'x-asked': time, 'x-own': 'kept', 'content-length': '3' })
      expect(answer.body).toBe('<X>')
    }
  })

  it('where the handler is done after its client has left', async () => {
    const made = Promise.withResolvers<string>()
    const { app, store } = await server((app) => app.get('/', { config: { cache: { ttl: '1h' } } }, () => made.promise))
    await app.listen({ port: 0 })
    const request = get(`http://localhost:${(app.server.address() as AddressInfo).port}`).on('error', () => {})
    while (store.counters.size === 0) await new Promise(setImmediate)
    request.destroy()
    while ([...store.entries()].length > 0) await new Promise(setImmediate)
    made.resolve('late')
    await new Promise(setImmediate)
    expect([...store.entries()]).toEqual([])
  })
})

describe('a route cannot be declared', () => {
  it('in TypeScript without a unit, or with a scope that there is not', async () => {
    // @ts-expect-error: 30 of what?
    const unitless: RouteCaching = { ttl: '30' }
    // @ts-expect-error: no such scope
    const unknown: RouteCaching = { ttl: '30s', scope: 'all' }
    for (const cache of [unitless, unknown]) {
      await expect(server((app) => app.get('/', { config: { cache } }, () => 'x'))).rejects.toThrow('config.cache')
    }
  })

  it.each([
    ['GET', null, "GET / has config.cache null; it must be such as { ttl: '30s' }"],
    ['GET', '30s', 'GET / has config.cache "30s"; it must be such as'],
    ['GET', {}, 'GET / has config.cache.ttl undefined; it must be a duration above 0 such as 250ms, 30s, 5m'],
    ['GET', { ttl: 30 }, 'GET / has config.cache.ttl 30; it must be a duration'],
    ['GET', { ttl: '0s' }, 'GET / has config.cache.ttl "0s"; it must be a duration above 0'],
    [
      'GET',
      { ttl: '1s', scope: 'all' },
      'GET / has config.cache.scope "all"; it must be one of public, role, user, or',
    ],
    ['GET', { ttl: '1s', tags: 'a' }, `GET / has config.cache.tags "a"; it must be a list such as ['items'], or`],
    ['GET', { ttl: '1s', tag: 'a' }, 'GET / has config.cache.tag; it must be one of ttl, tags, scope'],
    ['POST', { ttl: '1s' }, 'POST / has config.cache, but only answers to GET are kept; leave it out'],
  ])('as %s with %j', async (method, cache, message) => {
    const declared = server((app) => {
      app.route({ method, url: '/', config: { cache: cache as RouteCaching }, handler: () => 'x' })
    })
    await expect(declared).rejects.toThrow(message)
  })
})
