import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Access, auth, generateKeys, parseKeys } from './index.ts'

const keys = parseKeys(generateKeys().signing, 'ours')

async function server(declare: (app: FastifyInstance) => void = () => {}) {
  const app = Fastify()
  onTestFinished(() => app.close())
  await app.register(auth, { keys })
  declare(app)
  await app.ready()
  return app
}

const route = (path: string, access: unknown) =>
  server((app) => void app.get(path, { config: { auth: access as Access } }, () => 'passed'))

describe('a route that says who may call it', () => {
  const word = fc.constantFrom<string>('ada', 'bob', 'editor', 'admin')
  const access = fc.oneof(
    fc.constantFrom<Access>('public', 'signed-in', 'editor', { owner: 'name' }),
    word.map((role): Access => ({ role })),
    word.map((role): Access => ({ owner: 'name', role })),
  )
  const caller = fc.record({ sub: word, roles: fc.uniqueArray(word) })

  /** The status, and the code of a refusal. */
  function expected(access: Access, name: string, caller: { sub: string; roles: string[] } | null) {
    if (access === 'public') return [200]
    if (caller === null) return [401, 'token_missing']
    if (access === 'signed-in') return [200]
    const { owner, role = '' } = typeof access === 'object' ? access : { role: access }
    if (caller.roles.includes(role) || (owner && caller.sub === name)) return [200]
    return [403, owner ? 'owner_only' : 'role_missing']
  }

  it('lets pass whom it says, and nobody else', async () => {
    await fc.assert(
      fc.asyncProperty(access, word, fc.option(caller), async (access, name, caller) => {
        const app = await route('/users/:name', access)
        const headers = caller ? { authorization: `Bearer ${app.signToken(caller)}` } : {}
        const { statusCode, body } = await app.inject({ url: `/users/${name}`, headers })
        expect(statusCode === 200 ? [200] : [statusCode, JSON.parse(body).code]).toEqual(expected(access, name, caller))
      }),
    )
  })

  it.each([
    ['/users/ad%61', 200],
    ['/users/%61%64%61', 200],
    ['/users/ad%2561', 403],
    ['/users/Ada', 403],
    ['/users/ada%20', 403],
    ['/users/ada%00', 403],
    ['/users/ada%2f..%2fbob', 403],
    ['/users/%D0%B0da', 403],
  ])('takes %s for its owner ada: %i', async (path, status) => {
    const app = await route('/users/:name', { owner: 'name' })
    const authorization = `Bearer ${app.signToken({ sub: 'ada', roles: ['admin'] })}`
    expect((await app.inject({ url: path, headers: { authorization } })).statusCode).toBe(status)
  })

  it('asks before the hooks of its own, with HEAD too', async () => {
    const before: string[] = []
    const app = await server((app) => {
      app.addHook('onRequest', async () => void before.push('the server’s'))
      app.get('/', { config: { auth: 'signed-in' }, onRequest: async () => void before.push('the route’s') }, () => '')
    })
    for (const method of ['GET', 'HEAD'] as const) expect((await app.inject({ url: '/', method })).statusCode).toBe(401)
    expect(before).toEqual(['the server’s', 'the server’s'])
  })
})

describe('a route cannot be declared', () => {
  it('in TypeScript with what is no access', async () => {
    const declared = server((app) => {
      // @ts-expect-error: it is `role`
      app.get('/', { config: { auth: { roles: ['editor'] } } }, () => 'x')
    })
    await expect(declared).rejects.toThrow('knows owner and role, not roles')
  })

  const WANTED = "'public', 'signed-in', a role such as 'editor', { owner: 'id' } or { owner: 'id', role: 'admin' }"
  it.each([
    [undefined, `lacks config.auth, so that nobody knows who may call it; say ${WANTED}`],
    [{}, `has config.auth {}, which must be ${WANTED}`],
    [null, 'has config.auth null, which must name a role of lower-case letters, digits, _ and -'],
    [true, 'has config.auth true, which must name a role of lower-case letters, digits, _ and -'],
    ['', 'has config.auth "", which must name a role of lower-case letters, digits, _ and -'],
    ['Editor', 'has config.auth "Editor", which must name a role of lower-case letters, digits, _ and -'],
    [['editor'], 'has config.auth ["editor"], which knows owner and role, not 0'],
    [{ roles: 'editor' }, 'has config.auth {"roles":"editor"}, which knows owner and role, not roles'],
    [
      { owner: 'user' },
      'has config.auth {"owner":"user"}, which must have a parameter of the path as owner, which has id',
    ],
  ])('with %j', async (access, message) => {
    await expect(route('/users/:id', access)).rejects.toThrow(`GET /users/:id ${message}`)
  })

  it('with an owner where the path has no parameter', async () => {
    await expect(route('/a::id', { owner: 'id' })).rejects.toThrow('a parameter of the path as owner, which has none')
  })
})
