/** Tokens taken back, over the real cache and db services and a real PostgreSQL: three gateways, and what may be away. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { type Gateway, keys, startGateway, until, usable } from './gateway.ts'
import { runToEnd, type Service, startService } from './processes.ts'
import { decodeJwt } from './tokens.ts'
import { json, startUpstream } from './upstream.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

const ROUTES = `
upstreams:
  db: { endpoints: "\${DB_URL}" }
routes:
  - { path: "/data/{key}", methods: [GET], upstream: db, auth: signed-in, cache: { scope: user } }
  - { path: /data, methods: [GET], upstream: db, auth: signed-in, cache: { scope: role } }
`

let folder: string
let db: Service
let cache: Service
let gateways: Gateway[]

const startDb = (port = '0') =>
  startService('db/src/main.ts', {
    DATABASE_URL: inject('postgresUrl'),
    VERIFY_KEYS_FILE: path.join(folder, 'verifying.json'),
    PORT: port,
  })
const start = (instance: string, settings: Record<string, string> = {}) =>
  startGateway({ db: db.url, cache: cache.url, instance, routes: ROUTES, settings })

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-revocations-'))
  const accounts = path.join(folder, 'accounts.json')
  await writeFile(path.join(folder, 'verifying.json'), keys.verifying)
  await writeFile(accounts, JSON.stringify([{ username: 'grace', password: 'right', roles: ['reader'] }]))
  const prepared = await runToEnd('db/src/init.ts', {
    DATABASE_URL: inject('postgresUrl'),
    SPILLWAY_DEMO: '1',
    SAMPLE_ITEMS: '10',
    ACCOUNTS_FILE: accounts,
  })
  if (prepared.code !== 0) throw new Error(prepared.output)
  ;[db, cache] = await Promise.all([startDb(), startService('cache/src/main.ts')])
  gateways = await Promise.all(['gateway-1', 'gateway-2', 'gateway-3'].map((name) => start(name)))
  await Promise.all(gateways.map(usable))
})
afterAll(async () => {
  await Promise.all((gateways ?? []).map((gateway) => gateway.close()))
  await Promise.all([db?.stop('SIGKILL'), cache?.stop('SIGKILL')])
  await rm(folder, { recursive: true, force: true })
})

/** The status, and of problems the code. */
async function call({ url }: Gateway, token: string, target = '/data/alpha', method = 'GET', body?: unknown) {
  const answer = await fetch(url + target, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const { code } = (text === '' ? {} : JSON.parse(text)) as { code?: string }
  return code === undefined ? answer.status : `${answer.status} ${code}`
}
const everywhere = (token: string, target?: string) =>
  Promise.all(gateways.map((gateway) => call(gateway, token, target)))
const logout = (gateway: Gateway, token: string, body?: unknown) => call(gateway, token, '/logout', 'POST', body)

const [TAKEN, REFUSED] = [Array(3).fill(200), Array(3).fill('401 token_revoked')]
const gateway = (index: number) => gateways[index % 3] as Gateway
const idOf = (token: string) => (decodeJwt(token).claims as { jti: string }).jti

describe('logging out', () => {
  it('at one gateway is refused at every one as soon as it is answered, and leaves other tokens alone', async () => {
    const other = gateway(0).token()
    for (let round = 0; round < 12; round++) {
      const token = gateway(round).token()
      expect(await everywhere(token)).toEqual(TAKEN)
      expect(await logout(gateway(round), token)).toBe(204)
      expect(await everywhere(token)).toEqual(REFUSED)
      expect(await everywhere(other)).toEqual(TAKEN)
    }
  })

  it('everywhere ends all of the user’s tokens, and who signs in at once has one that counts', async () => {
    const tokens = [0, 1, 2].map((index) => gateway(index).token(['reader'], 'grace'))
    const signIn = async (to: Gateway) => {
      const answer = await fetch(`${to.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'grace', password: 'right' }),
      })
      return ((await answer.json()) as { token: string }).token
    }
    const others = gateway(0).token(['reader'], 'edith')
    for (let round = 0; round < 3; round++) {
      expect(await logout(gateway(round), tokens[0] as string, { everywhere: true })).toBe(204)
      for (const token of tokens) expect(await everywhere(token)).toEqual(REFUSED)
      tokens.unshift(await signIn(gateway(round + 1)))
      expect(await everywhere(tokens[0] as string)).toEqual(TAKEN)
    }
    expect(await everywhere(others)).toEqual(TAKEN)
  })

  it('keeps from a revoked token what was kept for its user and its role', async () => {
    for (const target of ['/data/beta', '/data?limit=3']) {
      const [token, same] = [0, 1].map(() => gateway(0).token(['reader'], 'joan')) as [string, string]
      for (let time = 0; time < 2; time++) expect(await everywhere(token, target)).toEqual(TAKEN)
      await logout(gateway(0), token)
      expect(await everywhere(token, target)).toEqual(REFUSED)
      expect(await everywhere(same, target)).toEqual(TAKEN)
    }
  })

  it('twice at one moment is done once', async () => {
    const token = gateway(0).token()
    const answers = await Promise.all(gateways.map((each) => logout(each, token)))
    expect(answers).toContain(204)
    for (const answer of answers) expect([204, '401 token_revoked']).toContain(answer)
    expect(await everywhere(token)).toEqual(REFUSED)
  })

  it('by a crowd leaves nobody signed in', async () => {
    const tokens = Array.from({ length: 200 }, (_, index) => gateway(index).token())
    expect(new Set(await Promise.all(tokens.map((token, index) => logout(gateway(index), token))))).toEqual(
      new Set([204]),
    )
    const after = await Promise.all(tokens.map((token, index) => call(gateway(index + 1), token)))
    expect(new Set(after)).toEqual(new Set(['401 token_revoked']))
  })

  it('needs a token, and takes no body but its own', async () => {
    expect((await fetch(`${gateway(0).url}/logout`, { method: 'POST' })).status).toBe(401)
    const token = gateway(0).token()
    for (const body of [{ everywhere: 'yes' }, { subject: 'grace' }, []]) {
      expect(await logout(gateway(0), token, body)).toBe('400 validation_failed')
    }
    expect(await call(gateway(0), token)).toBe(200)
    expect(await logout(gateway(0), token, { everywhere: false })).toBe(204)
  })
})

it('cuts nothing off that was let in before', async () => {
  const streaming = Promise.withResolvers<ServerResponse>()
  const upstream = await startUpstream(({ url, body }, response) => {
    if (url === '/revocations') return json(response, 201, { ...JSON.parse(body), endsAt: 4_000_000_000 })
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: before\n\n')
    streaming.resolve(response)
  })
  onTestFinished(() => upstream.close())
  const alone = await startGateway({ db: upstream.url, cache: cache.url, routes: ROUTES })
  onTestFinished(() => alone.close())
  await usable(alone)
  const token = alone.token()
  const answer = await fetch(`${alone.url}/data/events`, { headers: { authorization: `Bearer ${token}` } })
  const events = await streaming.promise
  expect(await logout(alone, token)).toBe(204)
  events.end('data: after\n\n')
  expect(await answer.text()).toBe('data: before\n\ndata: after\n\n')
  expect(await call(alone, token)).toBe('401 token_revoked')
})

it('is done though who asked for it does not wait', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  const upstream = await startUpstream(({ url }, response) => {
    if (url === '/revocations') return asked.resolve(response)
    return json(response, 200, {})
  })
  onTestFinished(() => upstream.close())
  const alone = await startGateway({ db: upstream.url, cache: cache.url, routes: ROUTES })
  onTestFinished(() => alone.close())
  await usable(alone)
  const token = alone.token()
  expect(await call(alone, token)).toBe(200)
  const client = new AbortController()
  const headers = { authorization: `Bearer ${token}` }
  const left = fetch(`${alone.url}/logout`, { method: 'POST', headers, signal: client.signal })
  const response = await asked.promise
  client.abort()
  await expect(left).rejects.toThrow()
  json(response, 201, { tokenId: idOf(token), endsAt: 4_000_000_000 })
  await until(
    () => call(alone, token),
    (answer) => answer === '401 token_revoked',
  )
})

describe('an administrator', () => {
  const revoke = (body: unknown, roles = ['admin']) =>
    call(gateway(0), gateway(0).token(roles, 'root'), '/admin/revocations', 'POST', body)

  it('ends a token, or all of somebody’s', async () => {
    const [one, two] = [gateway(1).token(['reader'], 'eve'), gateway(1).token(['reader'], 'eve')]
    expect(await revoke({ tokenId: idOf(one) })).toBe(204)
    expect([await everywhere(one), await everywhere(two)]).toEqual([REFUSED, TAKEN])
    expect(await revoke({ subject: 'eve' })).toBe(204)
    expect(await everywhere(two)).toEqual(REFUSED)
  })

  it('is the only one who may', async () => {
    expect(await revoke({ subject: 'eve' }, ['reader', 'editor'])).toBe('403 role_missing')
  })

  it.each([[{}], [{ subject: 'a', tokenId: 'b' }], [{ subject: '' }], [{ tokenId: 'a b' }], [{ all: true }]])(
    'names one thing that can be: not %j',
    async (body) => {
      expect(await revoke(body)).toBe('400 validation_failed')
    },
  )
})

it('outlasts a reload of the routes file, and is as good after it', async () => {
  const [out, token] = [gateway(0).token(), gateway(0).token()]
  await logout(gateway(0), out)
  await gateway(1).reload(ROUTES.replace('db: { ', 'db: { policy: round-robin, '))
  expect(await everywhere(out)).toEqual(REFUSED)
  expect(await logout(gateway(1), token)).toBe(204)
  expect(await everywhere(token)).toEqual(REFUSED)
})

describe('a gateway that starts', () => {
  it('knows what was revoked before it takes any token', async () => {
    const token = gateway(0).token()
    await logout(gateway(0), token)
    const late = await start('gateway-4')
    onTestFinished(() => late.close())
    expect(await call(late, token)).toBe('401 token_revoked')
  })

  it('without a db service takes tokens and says so, until it has read what is revoked', async () => {
    const token = gateway(0).token()
    await logout(gateway(0), token)
    const port = new URL(db.url).port
    await db.stop('SIGKILL')
    const late = await start('gateway-5')
    onTestFinished(() => late.close())
    const degraded = async () => ((await (await fetch(`${late.url}/ready`)).json()) as { degraded: string[] }).degraded
    expect(await degraded()).toEqual(expect.arrayContaining(['db', 'revocations']))
    expect(await call(late, token)).not.toBe('401 token_revoked')
    db = await startDb(port)
    await until(
      () => call(late, token),
      (answer) => answer === '401 token_revoked',
    )
    expect(await degraded()).not.toContain('revocations')
    await Promise.all(gateways.map(usable))
  })
})

describe('degrading', () => {
  it('without the cache service is slower, and as certain once it is answered', async () => {
    const port = new URL(cache.url).port
    const token = gateway(0).token()
    await everywhere(token)
    await cache.stop('SIGKILL')
    expect(await logout(gateway(0), token)).toBe(204)
    expect(await everywhere(token)).toEqual(REFUSED)
    cache = await startService('cache/src/main.ts', { PORT: port })
    await Promise.all(gateways.map(usable))
  })

  it('over Valkey, which tells nothing, is slower in the same way', async () => {
    const settings = { CACHE_URL: 'redis://127.0.0.1:9' }
    const [here, there] = await Promise.all([start('gateway-6', settings), start('gateway-7', settings)])
    onTestFinished(async () => void (await Promise.all([here.close(), there.close()])))
    const token = here.token()
    expect(await call(there, token)).toBe(200)
    expect(await logout(here, token)).toBe(204)
    expect(await call(there, token)).toBe('401 token_revoked')
  })

  it('without the db service nobody can log out, is told so, and whoever has stays out', async () => {
    const [out, token] = [gateway(0).token(), gateway(0).token()]
    await logout(gateway(0), out)
    await everywhere(token)
    const port = new URL(db.url).port
    await db.stop('SIGKILL')
    expect(await logout(gateway(1), token)).toMatch(/^50[234] /)
    expect(await everywhere(out)).toEqual(REFUSED)
    expect(await call(gateway(1), token)).toBe(200)
    db = await startDb(port)
    await Promise.all(gateways.map(usable))
    expect(await logout(gateway(1), token)).toBe(204)
    expect(await everywhere(token)).toEqual(REFUSED)
  })
})
