/** Whatever fails behind the gateway, no answer tells a client where or what that is: no address, port, path, error text. */
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'

const servers: Server[] = []
const ports: number[] = []

/** Listens, and does with each connection that has sent something what it is told. */
async function server(behave: (socket: Socket) => void): Promise<string> {
  const listening = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => behave(socket))
  })
  return listen(listening)
}

async function listen(listening: Server): Promise<string> {
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  servers.push(listening)
  const { port } = listening.address() as AddressInfo
  ports.push(port)
  return `127.0.0.1:${port}`
}

const says = (text: string) => (socket: Socket) => void socket.end(text)
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'

const FAILURES: Record<string, { at: () => Promise<string>; scheme?: string; statuses: number[] }> = {
  refused: { at: async () => '127.0.0.1:9', statuses: [502] },
  reset: { at: () => server((socket) => void socket.resetAndDestroy()), statuses: [502] },
  closed: { at: () => server((socket) => void socket.end()), statuses: [502] },
  'no-http': { at: () => server(says('SSH-2.0-OpenSSH_9.6 at /opt/upstream\r\n\r\n')), statuses: [502] },
  'bad-head': { at: () => server(says('HTTP/1.1 200 OK\r\nbad header\r\n\r\n')), statuses: [502] },
  'bad-length': { at: () => server(says(`${HEAD}content-length: x\r\n\r\n`)), statuses: [502] },
  'both-lengths': {
    at: () => server(says(`${HEAD}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`)),
    statuses: [502],
  },
  'unknown-coding': { at: () => server(says(`${HEAD}transfer-encoding: x-own\r\n\r\n`)), statuses: [502] },
  'great-head': { at: () => server(says(`${HEAD}x: ${'x'.repeat(200_000)}\r\n\r\n`)), statuses: [502] },
  silent: { at: () => server(() => {}), statuses: [504] },
  'plain-for-tls': { at: () => server(says('HTTP/1.1 400 Bad Request\r\n\r\n')), scheme: 'https', statuses: [502] },
  unknown: { at: async () => 'no-such-host.invalid:4711', statuses: [502, 504] },
}

let gateway: Gateway
/** A db whose every answer is its own failure, in words that are none of a client's business. */
const SECRET = 'relation "accounts" does not exist at /srv/db/src/items.ts:12'

beforeAll(async () => {
  const db = createHttpServer((_request, response) => {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(SECRET)
  })
  const entries = Object.entries(FAILURES)
  const addresses = await Promise.all(entries.map(([, { at }]) => at()))
  const upstreams = entries.map(
    ([name, { scheme = 'http' }], index) => `  ${name}: { endpoints: "${scheme}://${addresses[index]}", check: none }`,
  )
  const declared = entries.flatMap(([name]) => [
    `  - { path: /${name}/plain, methods: [GET, POST], upstream: ${name}, auth: public, cache: none, timeout: 300ms }`,
    `  - { path: /${name}/cached, methods: [GET], upstream: ${name}, auth: public, cache: { scope: public }, timeout: 300ms }`,
    `  - { path: /${name}/mounted, methods: [GET], upstream: ${name}, auth: public, mount: /behind, timeout: 300ms }`,
  ])
  const routes = [
    'upstreams:',
    `  db: { endpoints: "http://${await listen(db)}", check: none }`,
    ...upstreams,
    'routes:',
    ...declared,
  ]
  gateway = await startGateway({ routes: routes.join('\n') })
})
afterAll(async () => {
  await gateway.close()
  for (const each of servers) each.close()
})

/** As it came, the fields included. */
async function whole(path: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const answer = await fetch(gateway.url + path, { ...init, signal: AbortSignal.timeout(15_000) })
  const fields = [...answer.headers].filter(([name]) => name !== 'date').map(([name, value]) => `${name}: ${value}`)
  return { status: answer.status, text: `${fields.join('\n')}\n\n${await answer.text()}` }
}

/** What nothing of ours says to a client. Request ids are hexadecimal, and could have any digits. */
function expectNoLeak(text: string): void {
  const told = text.replaceAll(/\b[0-9a-f]{32}\b/g, '')
  for (const port of ports) expect(told).not.toContain(String(port))
  expect(told).not.toMatch(/127\.0\.0\.1|localhost|\.invalid|4711/)
  expect(told).not.toMatch(/\bE[A-Z]{4,}\b|UND_ERR|HPE_|ERR_|SSL|OpenSS|undici|wrong version/)
  expect(told).not.toMatch(/\n\s+at |\.[cm]?[jt]s\b|node_modules|\/(srv|opt|work|home|usr)\//)
  expect(told).not.toMatch(/relation|select |accounts/i)
}

const cases = Object.keys(FAILURES).flatMap((name) => [
  [name, 'plain', 'GET'] as const,
  [name, 'plain', 'POST'] as const,
  [name, 'cached', 'GET'] as const,
  [name, 'mounted', 'GET'] as const,
])

it.each(cases)('an upstream that is %s, on a %s route, by %s', async (name, route, method) => {
  const { status, text } = await whole(`/${name}/${route}`, { method, ...(method === 'POST' ? { body: 'x' } : {}) })
  expect(FAILURES[name]?.statuses).toContain(status)
  expect(text).toMatch(/content-type: application\/problem\+json[\s\S]*"code":"upstream_[a-z]+"/)
  expectNoLeak(text)
})

it('readers who wait for one fill that fails', async () => {
  const answers = await Promise.all(Array.from({ length: 4 }, () => whole('/silent/cached?together')))
  for (const { status, text } of answers) {
    expect(status).toBe(504)
    expectNoLeak(text)
  }
})

it('the accounts service, at a sign-in', async () => {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: 'x' }),
  }
  const { status, text } = await whole('/login', init)
  expect([status, text]).toEqual([503, expect.stringContaining('sign_in_unavailable')])
  expectNoLeak(text)
})

it('a cache service that is away, to administrators and in readiness, which all may ask', async () => {
  const headers = { authorization: `Bearer ${gateway.token(['admin'])}`, 'content-type': 'application/json' }
  const asked = [
    whole('/admin/cache/stats', { headers }),
    whole('/admin/cache/purge', { method: 'POST', headers, body: '{"tags":["a"]}' }),
    until(
      () => whole('/ready'),
      ({ text }) => text.includes('degraded'),
    ),
  ]
  for (const { text } of await Promise.all(asked)) expectNoLeak(text)
})
