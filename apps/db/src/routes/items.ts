/** `/data`: reading items and pages of them, writing them with optimistic versions. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Caching, callerOf, cdnCacheControl, Problem, parseJson } from '@spillway/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { errors } from '../errors.ts'
import { Item, type Items, Key, Page, type Written } from '../items.ts'
import { ANY, ENTITY_TAGS, etag, isKnown, precondition } from '../precondition.ts'
import { unsupported } from '../values.ts'

interface ItemRoutes {
  items: Items
  /** What our caches may do with a read. */
  caching: Caching
}

const Params = Type.Object({ key: Key })
const Query = Type.Object(
  {
    key: Type.Optional(Key),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    after: Type.Optional(Key),
  },
  { additionalProperties: false },
)
const Body = Type.Object({ value: Type.Unknown() }, { additionalProperties: false })
const Conditions = Type.Object({
  'if-match': Type.Optional(Type.String({ pattern: ENTITY_TAGS })),
  'if-none-match': Type.Optional(Type.String({ pattern: ANY })),
})

/** Clients ask again each time; our caches obey `CDN-Cache-Control` (RFC 9213). */
const CLIENTS = { 'cache-control': 'private, no-cache' }
const UNCACHED = { ...CLIENTS, 'cdn-cache-control': 'no-store' }

/** Of every write. What the tags name is purged whatever comes of the write, so they go on refusals too. */
const write = {
  config: { auth: 'editor' },
  preHandler: async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({ ...UNCACHED, 'cache-tag': `item:${(request.params as { key: string }).key}, items` })
  },
}

export const itemRoutes: FastifyPluginAsyncTypebox<ItemRoutes> = async (app, { items, caching }) => {
  const cached = { ...CLIENTS, 'cdn-cache-control': cdnCacheControl(caching) }

  async function sendItem(key: string, request: FastifyRequest, reply: FastifyReply) {
    const item = await items.read(key, callerOf(request, reply))
    if (!item) throw missing(key)
    reply.headers({ ...cached, 'cache-tag': `item:${key}`, etag: etag(item.version) })
    if (isKnown(item.version, request.headers['if-none-match'])) return reply.code(304).send()
    return reply.send(item)
  }

  app.get(
    '/data',
    { config: { auth: 'public' }, schema: { querystring: Query, response: { 200: Type.Union([Page, Item]) } } },
    async (request, reply) => {
      const { key, after, limit = 100 } = request.query
      if (key !== undefined) return sendItem(key, request, reply)
      const page = await items.page({ limit, ...(after === undefined ? {} : { after }) }, callerOf(request, reply))
      return reply.headers({ ...cached, 'cache-tag': 'items' }).send(page)
    },
  )

  app.get(
    '/data/:key',
    { config: { auth: 'public' }, schema: { params: Params, response: { 200: Item } } },
    (request, reply) => sendItem(request.params.key, request, reply),
  )

  app.put(
    '/data/:key',
    { ...write, schema: { params: Params, body: Body, headers: Conditions, response: { 200: Item, 201: Item } } },
    async (request, reply) => {
      const { key } = request.params
      const value = supported(request.body.value)
      const written = await items.put(key, value, precondition(request.headers), callerOf(request, reply))
      const item = done(key, written)
      if (written.outcome === 'created') reply.code(201).header('location', `/data/${key}`)
      return reply.header('etag', etag(item.version)).send(item)
    },
  )

  app.delete('/data/:key', { ...write, schema: { params: Params, headers: Conditions } }, async (request, reply) => {
    const { key } = request.params
    done(key, await items.remove(key, precondition(request.headers), callerOf(request, reply)))
    return reply.code(204).send()
  })

  await app.register(patchRoute, { items })
}

/** In a scope of its own, since only here a body may be a merge patch (RFC 7396). */
const patchRoute: FastifyPluginAsyncTypebox<Pick<ItemRoutes, 'items'>> = async (app, { items }) => {
  app.addContentTypeParser<Buffer>('application/merge-patch+json', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, parseJson(bytes)),
  )
  app.patch(
    '/data/:key',
    { ...write, schema: { params: Params, body: Body, headers: Conditions, response: { 200: Item } } },
    async (request, reply) => {
      const { key } = request.params
      const patch = supported(request.body.value)
      if (patch === null) {
        throw new Problem(errors.value_unsupported, { detail: 'an item must keep a value; DELETE removes it' })
      }
      const item = done(key, await items.merge(key, patch, precondition(request.headers), callerOf(request, reply)))
      return reply.header('etag', etag(item.version)).send(item)
    },
  )
}

function supported(value: unknown): unknown {
  const fault = unsupported(value, '/value')
  if (fault) throw new Problem(errors.value_unsupported, { detail: fault })
  return value
}

function done(key: string, written: Written): Item {
  if (written.outcome === 'missing') throw missing(key)
  if (written.outcome !== 'mismatch') return written.item
  const found = written.version === undefined ? 'there is no such item' : `the item is at ${etag(written.version)}`
  throw new Problem(errors.version_mismatch, { detail: found })
}

function missing(key: string): Problem {
  return new Problem(errors.item_not_found, { detail: `there is no item ${key}`, headers: UNCACHED })
}
