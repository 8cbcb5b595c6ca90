/** Routes that are somebody's: whose, and that nobody else gets what is cached of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}", check: none }
routes:
  - { path: "/users/{id}/orders", methods: [GET], upstream: db, auth: { owner: id } }
  - { path: "/users/{id}/plan", methods: [GET], upstream: db, auth: { owner: id, role: support } }
`

let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  upstream = await startUpstream(({ url }, response) => json(response, 200, { url }, { 'cache-control': 'max-age=60' }))
  gateway = await startGateway({ db: upstream.url, routes })
  await until(
    async () => (await ask('/users/ada/orders', 'ada')).status,
    (status) => status === 200,
  )
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
})

async function ask(path: string, subject?: string, roles: string[] = []) {
  const headers: Record<string, string> = subject ? { authorization: `Bearer ${gateway.token(roles, subject)}` } : {}
  const answer = await fetch(gateway.url + path, { headers })
  return { status: answer.status, body: (await answer.json()) as { code?: string; url?: string } }
}

describe('a route with an owner', () => {
  it.each([
    ['its owner', '/users/ada/orders', 'ada', [], 200],
    ['its owner, whose name is escaped', '/users/%61da/orders', 'ada', [], 200],
    ['an owner with a name that needs escapes', '/users/a%2Fb%20%C3%A9/orders', 'a/b é', [], 200],
    ['somebody else', '/users/ada/orders', 'bob', [], 'owner_only'],
    ['an administrator, whom it does not name', '/users/ada/orders', 'root', ['admin'], 'owner_only'],
    ['somebody whose name is the owner’s, escaped', '/users/ada/orders', 'ad%61', [], 'owner_only'],
    ['the owner, escaped twice', '/users/ad%2561/orders', 'ada', [], 'owner_only'],
    ['nobody', '/users/ada/orders', undefined, [], 'token_missing'],
    ['the role that it names', '/users/ada/plan', 'bob', ['support'], 200],
    ['its owner without that role', '/users/ada/plan', 'ada', [], 200],
    ['neither of both', '/users/ada/plan', 'bob', ['admin'], 'owner_only'],
  ])('asked by %s', async (_who, path, subject, roles, expected) => {
    const before = upstream.asked.length
    const { status, body } = await ask(path, subject, roles)
    if (expected === 200) expect({ status, body }).toEqual({ status: 200, body: { url: path } })
    else {
      expect(body.code).toBe(expected)
      expect(upstream.asked.length).toBe(before)
    }
  })
})
