/** The examples of docs/routes.md of what a route may do, served as they stand there. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ask as askAt } from './ask.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const document = readFileSync(new URL('../../../docs/routes.md', import.meta.url), 'utf8')

/** The YAML of a section: whole routes, or a part of one, which is then at `path`. */
function example(section: string, path = ''): string {
  const [, found = ''] = document.split(`\n## ${section}\n`)[1]?.match(/```yaml\n([\s\S]*?)```/) ?? []
  if (found.startsWith('  - ')) return found
  expect(found, section).toMatch(/^ {4}\w/)
  return `  - path: ${path}\n    methods: [GET]\n    upstream: shop\n    auth: public\n${found}`
}

const routes = `
upstreams:
  db: { endpoints: http://127.0.0.1:9 }
  shop: { endpoints: "\${UPSTREAM}", check: none }
routes:
${example('Rewriting')}
${example('Answers without an upstream')}
${example('Fields', '/fields')}
${example('Pages of other origins', '/shared')}
${example('Faults on purpose', '/faulty')}
${example('Streams and tunnels')}
${example('Mounted routes')}
`

let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  upstream = await startUpstream((asked, response) => json(response, 200, asked, { 'x-powered-by': 'old age' }))
  gateway = await startGateway({ db: upstream.url, routes })
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
})
beforeEach(() => {
  upstream.asked.length = 0
})

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  askAt(gateway.url, path, { method, headers })

describe('docs/routes.md', () => {
  it('rewrites', async () => {
    await ask('/api/items/a%20b?page=2')
    expect(upstream.asked.at(-1)?.url).toBe('/v1/items/a%20b?page=2')
    expect(await ask('/api/items/..')).toMatchObject({ status: 400, code: 'ambiguous_path' })
  })

  it('redirects and answers', async () => {
    expect(await ask('/old/7?x')).toMatchObject({ status: 308, headers: { location: 'https://shop.example/new/7?x' } })
    expect(await ask('/robots.txt')).toMatchObject({ status: 200, text: 'User-agent: *\n' })
  })

  it('changes fields', async () => {
    const { headers } = await ask('/fields', { cookie: 'a=b' })
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(upstream.asked.at(-1)?.headers).toMatchObject({ 'x-tenant': 'blue' })
    expect(upstream.asked.at(-1)?.headers).not.toHaveProperty('cookie')
  })

  it('shares with pages', async () => {
    const page = { origin: 'https://app.example' }
    expect((await ask('/shared', page)).headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-expose-headers': 'etag',
    })
    const preflight = await ask('/shared', { ...page, 'access-control-request-method': 'GET' }, 'OPTIONS')
    expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-max-age': '600' } })
  })

  it('injects faults, and lets an administrator change them', async () => {
    const admin = (method: string, body?: object) =>
      askAt(gateway.url, '/admin/faults', {
        method,
        headers: { authorization: `Bearer ${gateway.token(['admin'])}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    expect(JSON.parse((await admin('GET')).text).faults).toEqual([
      {
        path: '/faulty',
        method: 'GET',
        delay: { for: '200ms', share: 0.1 },
        abort: { status: 503, share: 0.05 },
        from: 'file',
      },
    ])
    const [, body = ''] = /-d '(\{ "path": "\/data[^']*)'/.exec(document) ?? []
    const changed = await admin('PUT', { ...JSON.parse(body), path: '/api/items/{id}' })
    expect(changed.status).toBe(200)
    expect(await ask('/api/items/1')).toMatchObject({ status: 503, code: 'fault_injected' })
    expect((await ask('/api/items/1')).headers['proxy-status']).toBe(
      'gateway-1; error=proxy_internal_response; details="fault_injected"',
    )
  })

  it('asks for a token before a tunnel, and mounts', async () => {
    expect(await ask('/live', { connection: 'upgrade', upgrade: 'websocket' })).toMatchObject({ status: 401 })
    await ask('/shop/items?page=2')
    expect(upstream.asked.at(-1)?.url).toBe('/v1/store/items?page=2')
  })
})
