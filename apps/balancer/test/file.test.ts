import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { balancerByFile, echo, gateway } from './world.ts'

interface Echo {
  url: string
  headers: Record<string, string>
}

/** An upstream that says its name, and what it was asked. */
const named = async (name: string) => {
  const { origin, server } = await gateway((incoming, response) => {
    response.setHeader('x-name', name).setHeader('x-powered-by', 'old age')
    void echo(incoming, response)
  })
  return { origin, server }
}

async function ask(url: string, { host = 'x', ...headers }: Record<string, string> = {}) {
  const { statusCode, headers: fields, body } = await request(url, { headers: { host, ...headers } })
  const text = await body.text()
  return { status: statusCode, by: fields['x-name'], fields, text, echo: () => JSON.parse(text) as Echo }
}

describe('routes', () => {
  it('send each host and path to its cluster, and what no route takes nowhere', async () => {
    const [shop, api, wild] = await Promise.all(['shop', 'api', 'wild'].map(named))
    const { url } = await balancerByFile(`clusters:
  shop: { endpoints: ['${shop?.origin}'] }
  api: { endpoints: ['${api?.origin}'] }
  wild: { endpoints: ['${wild?.origin}'] }
routes:
  - { host: shop.example, path: /api, to: api }
  - { host: shop.example, to: shop }
  - { host: '*.shop.example', to: wild }
`)
    const by = async (host: string, path: string) => (await ask(url + path, { host })).by
    expect(await by('shop.example', '/api/x')).toBe('api')
    expect(await by('SHOP.example:80', '/apix')).toBe('shop')
    expect(await by('shop.example.', '/')).toBe('shop')
    expect(await by('a.b.shop.example', '/api')).toBe('wild')
    expect(await ask(url, { host: 'other.example' })).toMatchObject({
      status: 404,
      text: expect.stringContaining('route_not_found'),
    })
    const twisted = await ask(`${url}/x/..%2fapi`, { host: 'shop.example' })
    expect([twisted.status, twisted.text]).toEqual([400, expect.stringContaining('ambiguous_path')])
    const { echo } = await ask(`${url}/api//a%2Fb?q=%20`, { host: 'Shop.example' })
    expect(echo()).toMatchObject({ url: '/api//a%2Fb?q=%20', headers: { host: 'Shop.example' } })
  })

  it('redirect, with the rest of the path where it is asked for, and never to another host', async () => {
    const { url } = await balancerByFile(`clusters: {}
routes:
  - { path: /old, redirect: { to: https://shop.example/new, status: 308 } }
  - { path: /moved/, redirect: { to: /here/* } }
  - { path: /, redirect: { to: https://shop.example/* } }
`)
    const led = async (path: string) => {
      const { status, fields } = await ask(url + path)
      return [status, fields['location']]
    }
    expect(await led('/old/x?y')).toEqual([308, 'https://shop.example/new'])
    expect(await led('/moved/a/b?c=d')).toEqual([307, '/here/a/b?c=d'])
    expect(await led('/MOVED')).toEqual([307, '/here/'])
    expect(await led('/moved//evil.example/')).toEqual([307, '/here/evil.example/'])
    expect(await led('//evil.example/x')).toEqual([307, 'https://shop.example/evil.example/x'])
    expect(await led('/?a')).toEqual([307, 'https://shop.example/?a'])
  })

  it('answer by themselves, and end the connection of a body that nobody reads', async () => {
    const { url } = await balancerByFile(`clusters: {}
routes:
  - { path: /robots.txt, answer: { body: "User-agent: *\\n" } }
  - { path: /down, answer: { status: 503, body: '{}', headers: { content-type: application/json, Retry-After: '60' } } }
  - { path: /nothing, answer: { status: 204 } }
`)
    const robots = await ask(`${url}/robots.txt`)
    expect([robots.status, robots.text, robots.fields['content-type']]).toEqual([
      200,
      'User-agent: *\n',
      'text/plain; charset=utf-8',
    ])
    expect(await ask(`${url}/down`)).toMatchObject({
      status: 503,
      text: '{}',
      fields: { 'content-type': 'application/json', 'retry-after': '60', 'x-request-id': expect.any(String) },
    })
    expect(await ask(`${url}/nothing`)).toMatchObject({ status: 204, text: '' })
    const head = await request(`${url}/robots.txt`, { method: 'HEAD' })
    expect([head.headers['content-length'], await head.body.text()]).toEqual(['14', ''])
    const post = await request(`${url}/robots.txt`, { method: 'POST', body: 'x' })
    expect([post.headers['connection'], await post.body.text()]).toEqual(['close', 'User-agent: *\n'])
  })

  it('set and remove fields both ways', async () => {
    const { origin } = await named('shop')
    const { url } = await balancerByFile(`clusters:
  shop: { endpoints: ['${origin}'] }
routes:
  - to: shop
    headers:
      request: { set: { X-Tenant: blue }, remove: [cookie] }
      response: { set: { Strict-Transport-Security: max-age=60 }, remove: [X-Powered-By] }
`)
    const { echo, fields } = await ask(url, { 'x-tenant': 'red', cookie: 'a=b' })
    expect(echo().headers).toMatchObject({ 'x-tenant': 'blue' })
    expect(echo().headers).not.toHaveProperty('cookie')
    expect(fields).toMatchObject({ 'strict-transport-security': 'max-age=60' })
    expect(fields).not.toHaveProperty('x-powered-by')
  })

  it('are for some addresses, as trusted peers tell them', async () => {
    const text = `clusters: {}
routes:
  - { path: /in, answer: {}, allow: [10.0.0.0/8, 'fd00::/8'], deny: [10.1.0.0/16] }
  - { path: /out, answer: {}, deny: [127.0.0.1] }
  - { answer: {} }
`
    const trusting = await balancerByFile(text, { TRUSTED_PROXIES: '127.0.0.1' })
    const from = async (address: string, path = '/in') =>
      (await ask(trusting.url + path, { 'x-forwarded-for': address })).status
    expect(await from('10.2.0.1')).toBe(200)
    expect(await from('::ffff:10.2.0.1')).toBe(200)
    expect(await from('fd00::1')).toBe(200)
    expect(await from('10.1.0.1')).toBe(403)
    expect(await from('11.0.0.1')).toBe(403)
    expect(await from('unknown')).toBe(403)
    expect(await from('10.1.0.1', '/out')).toBe(200)
    expect(await from('unknown', '/out')).toBe(403)

    const { url } = await balancerByFile(text)
    const lie = await ask(`${url}/in`, { 'x-forwarded-for': '10.2.0.1' })
    expect([lie.status, lie.text]).toEqual([403, expect.stringContaining('address_not_allowed')])
    expect((await ask(`${url}/out`)).status).toBe(403)
    expect((await ask(`${url}/`)).status).toBe(200)
  })

  it('split between clusters by their weights', async () => {
    const [shop, canary, off] = await Promise.all(['shop', 'canary', 'off'].map(named))
    const { url } = await balancerByFile(`clusters:
  shop: { endpoints: ['${shop?.origin}'] }
  canary: { endpoints: ['${canary?.origin}'] }
  off: { endpoints: ['${off?.origin}'] }
routes:
  - { to: { shop: 3, canary: 1, off: 0 } }
`)
    const served: Record<string, number> = {}
    for (let i = 0; i < 400; i++) {
      const by = String((await ask(url)).by)
      served[by] = (served[by] ?? 0) + 1
    }
    // 100 are to be expected; beyond 50 it would be one in 10^8 runs.
    expect(Object.keys(served).toSorted()).toEqual(['canary', 'shop'])
    expect(served['canary']).toBeGreaterThan(50)
    expect(served['canary']).toBeLessThan(150)
  })

  it.for([
    ['path', 'hash: path', (key: string) => [`/${key}?${Math.random()}`, {}]],
    ['header', 'hash: header:X-User', (key: string) => ['/', { 'x-user': key }]],
    ['cookie', 'hash: cookie:sid', (key: string) => ['/', { cookie: `a=b; sid=${key}; sid2=${Math.random()}` }]],
    ['address', 'hash: address', (key: string) => ['/', { 'x-forwarded-for': key }]],
  ] as const)('keep together what has the same %s', async ([, hash, asked]) => {
    const all = await Promise.all(['a', 'b', 'c'].map(named))
    const { url } = await balancerByFile(
      `clusters:
  shop: { endpoints: [${all.map(({ origin }) => `'${origin}'`).join()}], policy: hash, ${hash} }
routes: [{ to: shop }]
`,
      { TRUSTED_PROXIES: '127.0.0.1' },
    )
    const used = new Set<unknown>()
    for (let key = 1; key <= 20; key++) {
      const by = new Set<unknown>()
      for (let i = 0; i < 5; i++) {
        const [path, headers] = asked(`10.0.0.${key}`)
        by.add((await ask(url + path, headers as Record<string, string>)).by)
      }
      expect(by.size).toBe(1)
      for (const each of by) used.add(each)
    }
    expect(used.size).toBe(3)
  })
})
