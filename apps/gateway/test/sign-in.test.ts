/** `POST /login` as a stranger sees it, over processes of the gateway and of the db service and a real PostgreSQL. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { keys, until } from './gateway.ts'
import { runToEnd, type Service, startService } from './processes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

/** In every password that is tried here. */
const SECRET = 'hunter2-'
const NOBODY = 'http://127.0.0.1:9'
let folder: string
let db: Service
let gateway: Service

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-sign-in-'))
  const files = { signing: path.join(folder, 'signing'), verifying: path.join(folder, 'verifying') }
  const accounts = path.join(folder, 'accounts.json')
  await writeFile(files.signing, keys.signing)
  await writeFile(files.verifying, keys.verifying)
  const account = (username: string) => ({ username, password: `${SECRET}right`, roles: ['reader'] })
  await writeFile(accounts, JSON.stringify(['ada', 'alan', 'gone'].map(account)))
  const DATABASE_URL = inject('postgresUrl')
  const prepared = await runToEnd('db/src/init.ts', { DATABASE_URL, SPILLWAY_DEMO: '1', ACCOUNTS_FILE: accounts })
  if (prepared.code !== 0) throw new Error(prepared.output)
  db = await startService('db/src/main.ts', { DATABASE_URL, VERIFY_KEYS_FILE: files.verifying, LOG_LEVEL: 'trace' })
  gateway = await startService('gateway/src/main.ts', {
    DB_URL: db.url,
    CACHE_URL: NOBODY,
    MICROSERVICE_URL: NOBODY,
    WORKER_URL: NOBODY,
    REMOTE_URL: NOBODY,
    SIGNING_KEYS_FILE: files.signing,
    LOGINS_PER_ADDRESS: '1000000',
    LOGINS_PER_ACCOUNT: '1000000',
    SHED_LAG: '0s',
    LOG_LEVEL: 'trace',
  })
  await until(
    async () => (await (await fetch(`${gateway.url}/ready`)).json()) as { degraded: string[] },
    ({ degraded }) => !degraded.includes('db'),
  )
  // Three processes, one after the other.
}, 60_000)
afterAll(async () => {
  await Promise.all([gateway?.stop('SIGKILL'), db?.stop('SIGKILL')])
  await rm(folder, { recursive: true, force: true })
})

async function users(...args: string[]): Promise<void> {
  const { code, output } = await runToEnd('db/src/users.ts', { DATABASE_URL: inject('postgresUrl') }, args)
  if (code !== 0) throw new Error(output)
}

const send = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
  fetch(`${gateway.url}/login`, { method: 'POST', headers: { 'content-type': type }, body })
const signIn = (username: string, password: string) => send(JSON.stringify({ username, password }))

it('answers the same, but for the request’s own, to a wrong password, an unknown name and a disabled account', async () => {
  const ask = async (username: string, password: string) => {
    const answer = await signIn(username, password)
    const own = ['date', 'x-request-id', 'server-timing', 'x-load']
    const { requestId, ...body } = (await answer.json()) as Record<string, unknown>
    expect(requestId).toBe(answer.headers.get('x-request-id'))
    return { status: answer.status, body, headers: [...answer.headers].filter(([name]) => !own.includes(name)) }
  }
  await users('disable', 'gone')
  const wrong = await ask('ada', `${SECRET}wrong`)
  expect(wrong).toMatchObject({ status: 401, body: { code: 'credentials_wrong' } })
  expect(await ask('nobody', `${SECRET}right`)).toEqual(wrong)
  expect(await ask('gone', `${SECRET}right`)).toEqual(wrong)
  expect((await signIn('ada', `${SECRET}right`)).status).toBe(200)
})

it('signs out whoever is disabled, and lets nobody in with his password', async () => {
  const { token } = (await (await signIn('alan', `${SECRET}right`)).json()) as { token: string }
  const read = async () => {
    const answer = await fetch(`${gateway.url}/data/none`, { headers: { authorization: `Bearer ${token}` } })
    return { status: answer.status, code: ((await answer.json()) as { code: string }).code }
  }
  expect(await read()).toEqual({ status: 404, code: 'item_not_found' })
  await users('disable', 'alan')
  await until(read, ({ status }) => status !== 404)
  expect(await read()).toEqual({ status: 401, code: 'token_revoked' })
  expect((await signIn('alan', `${SECRET}right`)).status).toBe(401)
  await users('enable', 'alan')
  expect(await read()).toEqual({ status: 401, code: 'token_revoked' })
  expect((await signIn('alan', `${SECRET}right`)).status).toBe(200)
})

it('answers whatever it is sent, and never as a defect', { timeout: 60_000 }, async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('\u0000', '\ud800', 'ada', ''))
  const password = text.map((each) => SECRET + each)
  const credentials = fc.record({ username: text, password }, { requiredKeys: [] }).map((each) => JSON.stringify(each))
  const hostile = fc.constantFrom(
    `{"username":"ada","username":"gone","password":"${SECRET}"}`,
    `{"__proto__":{"username":"ada"},"password":"${SECRET}"}`,
    `{"constructor":{"prototype":{}},"username":"ada","password":"${SECRET}"}`,
    `\ufeff{"username":"ada","password":"${SECRET}"}`,
    `${'['.repeat(4000)}${']'.repeat(4000)}`,
    `{"username":"ada","password":"${SECRET}${'x'.repeat(20_000)}"}`,
    `{"username":"ada","password":"${SECRET}`,
  )
  const bodies = fc.oneof(
    credentials,
    hostile,
    fc.json(),
    fc.uint8Array({ maxLength: 9000 }).map((bytes) => new Uint8Array(bytes)),
  )
  const types = fc.oneof(
    { weight: 5, arbitrary: fc.constant('application/json') },
    fc.constantFrom('application/json; charset=utf-16', 'text/plain', 'application/x-www-form-urlencoded', 'x'),
  )
  await fc.assert(
    fc.asyncProperty(bodies, types, async (body, type) => {
      const answer = await send(body, type)
      expect(answer.status).toBeOneOf([400, 401, 413, 415, 429])
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(await answer.text()).not.toContain(SECRET)
    }),
    { numRuns: 100 },
  )
})

it('has written no password into any log, whatever happened to it', async () => {
  await db.stop('SIGKILL')
  expect((await signIn('ada', `${SECRET}right`)).status).toBeOneOf([502, 503])
  const requests = (service: Service) => service.logged.filter(({ msg }) => msg === 'request')
  await until(
    async () => requests(gateway).length,
    (count) => count > 100,
  )
  expect(requests(db).length).toBeGreaterThan(4)
  expect(JSON.stringify([gateway.logged, db.logged])).not.toContain(SECRET)
})
