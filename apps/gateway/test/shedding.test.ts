/** An overloaded gateway refuses public routes first, then those of the signed in, and never its operators. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, keys, startGateway, until } from './gateway.ts'
import { startService } from './processes.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: http://127.0.0.1:9 }
  held: { endpoints: "\${UPSTREAM}", check: none }
routes:
  - { path: /public, methods: [GET], upstream: held, auth: public, cache: none }
  - { path: /private, methods: [GET], upstream: held, auth: signed-in, cache: none }
`

let upstream: Upstream
let gateway: Gateway
let held: ServerResponse[]

beforeAll(async () => {
  held = []
  upstream = await startUpstream((_, response) => void held.push(response))
  gateway = await startGateway({ db: upstream.url, routes, settings: { SHED_IN_FLIGHT: '4' } })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

const ask = (path: string, init?: RequestInit) => fetch(`${gateway.url}${path}`, init)
const privately = (roles?: string[]) => ({ headers: { authorization: `Bearer ${gateway.token(roles)}` } })
const share = (wanted: number) =>
  until(
    () => gateway.metric('spillway_gateway_shed_share'),
    (now) => now === wanted,
  )

it('answers 503 with Retry-After, public routes first, and never to operators', async () => {
  const answers = Array.from({ length: 3 }, () => ask('/private', privately()))
  await share(0.5)
  const refused = await ask('/public')
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toMatch(/^[123]$/)
  // With it, a balancer would take it for the failure of a hop behind, and not ask another gateway.
  expect(refused.headers.get('proxy-status')).toBeNull()
  expect(await refused.json()).toMatchObject({ code: 'gateway_shedding' })

  answers.push(ask('/private', privately()))
  await share(1)
  const alsoRefused = await ask('/private')
  expect([alsoRefused.status, ((await alsoRefused.json()) as { code: string }).code]).toEqual([503, 'gateway_shedding'])
  for (const path of ['/health', '/ready', '/metrics', '/openapi.json']) expect((await ask(path)).status).toBe(200)
  const purge = { method: 'POST', headers: { ...privately(['reader']).headers, 'content-type': 'application/json' } }
  expect((await ask('/admin/cache/purge', { ...purge, body: '{"all":true}' })).status).toBe(403)
  expect(await gateway.metric('spillway_gateway_shed_total{rank="public"}')).toBe(1)
  expect(await gateway.metric('spillway_gateway_shed_total{rank="signed-in"}')).toBe(1)

  await until(
    async () => held.length,
    (count) => count === 4,
  )
  for (const each of held.splice(0)) json(each, 200, {})
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await share(0)
  const taken = ask('/public')
  await until(
    async () => held.length,
    (count) => count === 1,
  )
  json(held[0] as ServerResponse, 200, {})
  expect((await taken).status).toBe(200)
})

it('sees a crowd that waits to be accepted, though its event loop is never late', { timeout: 90_000 }, async ({
  onTestFinished,
}) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'spillway-shedding-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = (name: string, content: string) => writeFile(path.join(folder, name), content)
  await file('keys.json', keys.signing)
  await file(
    'busy.ts',
    `export default (dispatch) => (options, handler) => {
      const end = performance.now() + 10
      while (performance.now() < end);
      return dispatch(options, handler)
    }`,
  )
  await file(
    'routes.yaml',
    `${routes}\n  - { path: /busy, methods: [GET], upstream: held, auth: public, cache: none, interceptors: [busy.ts] }`,
  )
  const crowded = await startService('gateway/src/main.ts', {
    CACHE_URL: 'http://127.0.0.1:9',
    DB_URL: 'http://127.0.0.1:9',
    UPSTREAM: 'http://127.0.0.1:9',
    SIGNING_KEYS_FILE: path.join(folder, 'keys.json'),
    ROUTES_FILE: path.join(folder, 'routes.yaml'),
    SHED_LAG: '200ms',
  })
  onTestFinished(() => crowded.stop())
  /** On a connection of its own. */
  const knock = () =>
    new Promise<string>((resolve, reject) => {
      get(`${crowded.url}/busy`, { agent: false }, (answer) => text(answer).then(resolve, reject)).on('error', reject)
    })
  const codes: string[] = []
  // Whoever is answered asks again, until one is refused: all of them may have come in before the first was worked on.
  const client = async () => {
    while (!codes.includes('gateway_shedding')) codes.push(JSON.parse(await knock()).code)
  }
  await Promise.all(Array.from({ length: 400 }, client))
  const refused = codes.filter((code) => code === 'gateway_shedding').length
  // The others come to where an upstream would be.
  expect(refused).toBeGreaterThan(0)
  expect(refused).toBeLessThan(codes.length)
  await until(
    async () => crowded.logged.map(({ msg }) => msg),
    (said) => said.includes('no longer overloaded'),
    // From all to nothing it takes 7 s, and longer where others keep the machine busy.
    40_000,
  )
})
