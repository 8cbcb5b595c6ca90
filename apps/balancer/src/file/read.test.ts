import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ConfigError, readConfig, YamlError } from '@spillway/service'
import { generate } from 'selfsigned'
import { describe, expect, it, onTestFinished } from 'vitest'
import { settingsFor } from '../config.ts'
import { changesBetween } from './plan.ts'
import { readPlan } from './read.ts'
import { BalancerFile } from './schema.ts'

/** A folder with these files in it, `balancer.yaml` among them; gone with the test. */
function folder(files: Record<string, string>) {
  const at = mkdtempSync(path.join(os.tmpdir(), 'balancer-file-'))
  onTestFinished(() => rmSync(at, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(at, name), text)
  return at
}

const read = (at: string, environment: Record<string, string> = {}) => {
  const given = { BALANCER_FILE: path.join(at, 'balancer.yaml'), ...environment }
  return readPlan(readConfig(settingsFor(given), given))
}

async function mistakesIn(text: string, beside: Record<string, string> = {}) {
  try {
    await read(folder({ ...beside, 'balancer.yaml': text }))
  } catch (error) {
    if (error instanceof YamlError)
      return error.mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`)
    throw error
  }
  return []
}

/** A good file's clusters, for routes to lead to. */
const CLUSTERS = 'clusters:\n  shop: { endpoints: [http://a] }\n  canary: { endpoints: [http://b] }\n'
const inRoute = (route: string) => mistakesIn(`${CLUSTERS}routes:\n  - ${route}\n`)
const inCluster = (cluster: string, beside = {}) =>
  mistakesIn(`clusters:\n  shop: { endpoints: [http://a], ${cluster} }\nroutes: [{ to: shop }]\n`, beside)

describe('balancer.yaml', () => {
  it('has every mistake named at once, with its place and what would be right', async () => {
    const text = `clusters:
  shop:
    endpoints: [http://127.0.0.1:9001, { url: http://127.0.0.1:9002, wieght: 2 }, http://127.0.0.1:9001/]
    policy: fastest
  Canary: { endpoints: [ftp://x] }
routes:
  - { host: "shop.example:80", to: shop }
  - { path: /api, to: shpo, allow: [10.0.0.0/33] }
  - { pth: /x, to: { shop: 95, canary: -5 } }
  - { path: /old, redirect: { to: //evil, status: 200 } }
  - { to: shop }
  - { path: /api/x, to: shop }
`
    expect(await mistakesIn(text)).toEqual([
      '3:70 clusters.shop.endpoints[1].wieght is not a known key; did you mean weight?',
      '3:83 clusters.shop.endpoints[2] is http://127.0.0.1:9001 again; each endpoint once',
      '4:13 clusters.shop.policy is "fastest"; it must be one of round-robin, random, least-inflight, p2c-ewma, prequal, hash, least-latency, or a file of one’s own such as ./mine.ts',
      '5:3 clusters.Canary is not a known key; keys here are names of lower-case letters, digits and hyphens',
      '7:13 routes[0].host is "shop.example:80"; it must be a host without its port such as shop.example, or *.shop.example for all below it',
      '8:23 routes[1].to is "shpo"; known clusters are shop',
      '8:37 routes[1].allow[0] is "10.0.0.0/33"; it must be an address or CIDR such as 192.168.1.5, 10.0.0.0/8, fd00::/8',
      '9:7 routes[2].pth is not a known key; did you mean path?',
      '9:32 routes[2].to.canary is no cluster; known clusters are shop',
      '9:40 routes[2].to.canary is -5; it must be a number from 0',
      '10:35 routes[3].redirect.to is "//evil"; it must be a URL such as https://shop.example/new or a path; with /* at its end for the rest of the request’s path',
      '10:51 routes[3].redirect.status is 200; it must be one of 301, 302, 303, 307, 308',
      '12:5 routes[5] can never match: the route of line 8 takes all',
    ])
  })

  it.for([
    ['nothing to do', '{ path: /a }', 'routes[0] lacks what it does: one of to, redirect, answer'],
    ['two things to do', '{ to: shop, answer: {} }', 'routes[0].answer is beside to; a route does one of them'],
    [
      'an unknown cluster in a split',
      '{ to: { shop: 1, shp: 1 } }',
      'routes[0].to.shp is no cluster; known clusters are shop, canary',
    ],
    [
      'a split without weight',
      '{ to: { shop: 0, canary: 0 } }',
      'routes[0].to has no weight above 0: nobody would be sent to',
    ],
    [
      'a path with a second spelling',
      '{ path: /a/../b, to: shop }',
      'routes[0].path is "/a/../b"; it must be a path such as /api, written plainly',
    ],
    ['a path with an escape', '{ path: /a%20b, to: shop }', 'routes[0].path is "/a%20b"'],
    ['a path with a doubled slash', '{ path: /a//b, to: shop }', 'routes[0].path is "/a//b"'],
    [
      'a field of the connection',
      '{ to: shop, headers: { request: { set: { Connection: close } } } }',
      'routes[0].headers.request.set.Connection is not to be changed',
    ],
    [
      'the host',
      '{ to: shop, headers: { request: { set: { host: x } } } }',
      'routes[0].headers.request.set.host is not to be changed',
    ],
    [
      'a field of the framing',
      '{ to: shop, headers: { response: { remove: [x-a, Content-Length] } } }',
      'routes[0].headers.response.remove[1] Content-Length is not to be changed',
    ],
    [
      'a field of two lines',
      '{ to: shop, headers: { response: { set: { x-a: "b\\r\\nc: d" } } } }',
      'it must be a text of one line',
    ],
    [
      'a field that is no token',
      '{ to: shop, headers: { response: { set: { "x a": b } } } }',
      'routes[0].headers.response.set.x a is not a known key; keys here are names of header fields',
    ],
    [
      'changed fields of an answer',
      '{ answer: {}, headers: {} }',
      'routes[0].headers is for routes with to; an answer has headers of its own',
    ],
    [
      'a body that cannot be',
      '{ answer: { status: 204, body: x } }',
      'routes[0].answer.body cannot be sent: a 204 has no body',
    ],
    [
      'a host that a redirect could lose',
      '{ redirect: { to: "https://shop.example*" } }',
      'routes[0].redirect.to is "https://shop.example*"',
    ],
    ['what DENY_PATHS has', '{ path: /Metrics/x, to: shop }', 'routes[0] can never match: DENY_PATHS has /metrics'],
  ] as const)('is refused with a route that has %s', async ([, route, message]) => {
    expect(await inRoute(route)).toEqual([expect.stringContaining(message)])
  })

  it.for([
    [
      'a hash that nobody looks at',
      'hash: path',
      'clusters.shop.hash is declared, but policy is p2c-ewma; only hash looks at it',
    ],
    ['a hash of nothing', 'policy: hash, hash: cookie', 'it must be path, address, header:NAME or cookie:NAME'],
    ['certificates for nobody', 'tls: {}', 'clusters.shop.tls is declared, but no endpoint is https'],
    [
      'a check of no status',
      'check: { status: [600] }',
      'clusters.shop.check.status[0] is 600; it must be a status such as 200',
    ],
    [
      'no check but a word',
      'check: none',
      'clusters.shop.check is "none"; it must be false, or a mapping of path, status, headers, body, port',
    ],
    ['a limit of nothing', 'limits: { pending: 0 }', 'it must be a whole number from 1'],
    [
      'a policy that is not there',
      'policy: ./mine.ts',
      'clusters.shop.policy is "./mine.ts", which cannot be used: ENOENT',
    ],
  ] as const)('is refused with a cluster that has %s', async ([, cluster, message]) => {
    expect(await inCluster(cluster)).toEqual([expect.stringContaining(message)])
  })

  it('is refused with a policy that is none', async () => {
    const beside = { 'mine.ts': 'export default 5\n' }
    expect(await inCluster('policy: ./mine.ts', beside)).toEqual([
      expect.stringMatching(/policy .*mine\.ts is no policy: its default export is 5|policy .*is no policy/),
    ])
  })

  it('is refused with certificates that are missing, not PEM, or of others', async () => {
    const one = await generate([{ name: 'commonName', value: 'a' }], { keySize: 2048 })
    const other = await generate([{ name: 'commonName', value: 'b' }], { keySize: 2048 })
    const beside = { 'no.pem': 'hello', 'cert.pem': one.cert, 'key.pem': one.private, 'other.pem': other.private }
    const inTls = (tls: string) =>
      mistakesIn(`clusters:\n  shop: { endpoints: [https://a], tls: { ${tls} } }\nroutes: [{ to: shop }]\n`, beside)
    expect(await inTls('ca: gone.pem')).toEqual([
      expect.stringMatching(/tls\.ca is "gone\.pem", which cannot be used: ENOENT/),
    ])
    expect(await inTls('ca: no.pem')).toEqual([expect.stringContaining('tls.ca is "no.pem", which cannot be used')])
    expect(await inTls('cert: cert.pem')).toEqual([expect.stringContaining('tls has one of cert and key')])
    expect(await inTls('cert: cert.pem, key: other.pem')).toEqual([
      expect.stringContaining('tls.key does not belong to cert'),
    ])
    expect(await inTls('ca: cert.pem, cert: cert.pem, key: key.pem, servername: a.internal')).toEqual([])
  })

  it('gives what it and the files beside it say', async () => {
    const { cert } = await generate([{ name: 'commonName', value: 'a' }], { keySize: 2048 })
    const text = `clusters:
  shop:
    endpoints: [https://a, { url: dns+https://b:1, weight: 2, backup: true, max: 5 }]
    policy: ./mine.ts
    hash: cookie:sid
    check: { path: /up, status: [200, '300-399'], headers: { host: x }, body: ok, port: 9100 }
    limits: { connections: 5, pending: 6, requests: 7 }
    tls: { ca: ca.pem }
routes: [{ to: shop }]
`
    const at = folder({
      'balancer.yaml': text,
      'ca.pem': cert,
      'mine.ts': 'export default () => ({ choose: () => 0 })\n',
    })
    const { clusters, routes } = await read(at)
    expect(routes).toEqual([{ to: 'shop' }])
    expect(clusters['shop']?.options).toEqual({
      endpoints: ['https://a', { url: 'dns+https://b:1', weight: 2, backup: true, max: 5 }],
      policy: { choose: expect.any(Function) },
      check: { path: '/up', status: [200, '300-399'], headers: { host: 'x' }, body: 'ok', port: 9100 },
      limits: { connections: 5, pending: 6, requests: 7 },
      tls: { ca: cert },
    })
  })

  it('that cannot be read is said to be so', async () => {
    await expect(read(folder({}))).rejects.toThrow(
      /BALANCER_FILE is ".*balancer\.yaml", which cannot be read \(ENOENT\)/,
    )
    await expect(mistakesIn('clusters: [')).resolves.toEqual([expect.stringMatching(/^1:\d+ /)])
    await expect(mistakesIn('')).resolves.toEqual([
      expect.stringContaining('the file is null; it must be a mapping of clusters, routes'),
    ])
  })

  it('has a JSON Schema for editors, which docs/balancer.schema.json is', async () => {
    await expect(`${JSON.stringify(BalancerFile, null, 2)}\n`).toMatchFileSnapshot(
      '../../../../docs/balancer.schema.json',
    )
  })
})

describe('the environment alone', () => {
  const planOf = (environment: Record<string, string>) => readPlan(readConfig(settingsFor(environment), environment))

  it('is one cluster for everything', async () => {
    const environment = { SPILLWAY_UPSTREAMS: 'http://a,http://b', POLICY: 'hash', HASH_BY: 'header:X-User' }
    const { clusters, routes } = await planOf(environment)
    expect(routes).toEqual([{ to: 'gateway' }])
    expect(clusters['gateway']?.source).toEqual({
      endpoints: ['http://a', 'http://b'],
      policy: 'hash',
      check: { path: '/ready' },
      hash: 'header:X-User',
    })
  })

  it('says what a usable upstream answers, or that all are usable', async () => {
    const checked = async (CHECK_PATH: string) =>
      (await planOf({ SPILLWAY_UPSTREAMS: 'http://a', CHECK_PATH })).clusters['gateway']?.options.check
    expect([await checked('/up?x'), await checked('none')]).toEqual([{ path: '/up?x' }, false])
    await expect(checked('up')).rejects.toThrow('CHECK_PATH is "up"; it must be a path such as /ready, or none')
  })

  it('may name a policy of one’s own, and says why one cannot be used', async () => {
    const at = folder({ 'mine.ts': 'export default () => ({ choose: () => 0 })\n', 'no.ts': 'export default 5\n' })
    const { clusters } = await planOf({ SPILLWAY_UPSTREAMS: 'http://a', POLICY: path.join(at, 'mine.ts') })
    expect(clusters['gateway']?.options.policy).toEqual({ choose: expect.any(Function) })
    const bad = planOf({ SPILLWAY_UPSTREAMS: 'http://a', POLICY: path.join(at, 'no.ts') })
    await expect(bad).rejects.toThrow(/POLICY cannot be used: .*no\.ts is no policy/)
  })

  it('may not ask for a hash that nobody looks at', async () => {
    await expect(planOf({ SPILLWAY_UPSTREAMS: 'http://a', HASH_BY: 'path' })).rejects.toThrow(ConfigError)
  })

  it('names no upstreams beside a file', () => {
    const given = { SPILLWAY_UPSTREAMS: 'http://a', BALANCER_FILE: 'balancer.yaml' }
    expect(() => readConfig(settingsFor(given), given)).toThrow('SPILLWAY_UPSTREAMS is not a setting here')
  })
})

describe('what changed', () => {
  it('is told by cluster and key', async () => {
    const before = await read(
      folder({ 'balancer.yaml': `${CLUSTERS}  gone: { endpoints: [http://c] }\nroutes: [{ to: shop }]\n` }),
    )
    const text = `clusters:
  shop: { endpoints: [http://a, http://c], check: false }
  canary: { endpoints: [http://b] }
  fresh: { endpoints: [http://d] }
routes: [{ to: canary }]
`
    const after = await read(folder({ 'balancer.yaml': text }))
    expect(changesBetween(before, after)).toEqual([
      'cluster shop: endpoints, check',
      'cluster gone: gone',
      'cluster fresh: new',
      'routes',
    ])
    expect(changesBetween(after, after)).toEqual([])
  })

  it('is a policy whose file was written anew, and a certificate', async () => {
    const text = 'clusters:\n  shop: { endpoints: [http://a], policy: ./mine.ts }\nroutes: [{ to: shop }]\n'
    const at = folder({ 'balancer.yaml': text, 'mine.ts': 'export default () => ({ choose: () => 0 })\n' })
    const before = await read(at)
    expect(changesBetween(before, await read(at))).toEqual([])
    writeFileSync(path.join(at, 'mine.ts'), 'export default () => ({ choose: () => 1 })\n')
    expect(changesBetween(before, await read(at))).toEqual(['cluster shop: ownPolicy'])
  })
})
