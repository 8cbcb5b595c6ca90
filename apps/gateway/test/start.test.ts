/** Starting and stopping the real process: what it refuses to start with, and that it ends when told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { generateKeys } from '@spillway/auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runToEnd, startService } from './processes.ts'

const BAD_ROUTES = `
upstreams:
  db: { endpoints: "http://\${HOSTS}" }
routes:
  - path: data
    methods: [GET]
`
const MAIN = 'gateway/src/main.ts'
let folder: string
const at = (name: string) => path.join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-start-'))
  const { signing, verifying } = generateKeys()
  await writeFile(at('signing.json'), signing)
  await writeFile(at('verifying.json'), verifying)
  await writeFile(at('bad.yaml'), BAD_ROUTES)
})
afterAll(() => rm(folder, { recursive: true }))

describe('the gateway process', () => {
  it('starts with nothing but keys, is ready although nothing that it calls is there, and stops', async () => {
    const gateway = await startService(MAIN, {
      SIGNING_KEYS_FILE: at('signing.json'),
      CACHE_URL: 'http://127.0.0.1:9',
      DB_URL: 'http://127.0.0.1:9',
    })
    const ready = await fetch(`${gateway.url}/ready`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({ status: 'ready', degraded: expect.arrayContaining(['db', 'cache']) })
    const stopped = gateway.stop()
    process.kill(gateway.pid, 'SIGTERM')
    await stopped
  })

  it('starts and is ready although neither Valkey nor Redis is there, and says so', async () => {
    const gateway = await startService(MAIN, {
      SIGNING_KEYS_FILE: at('signing.json'),
      CACHE_URL: 'redis://127.0.0.1:9',
    })
    const ready = await fetch(`${gateway.url}/ready`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      degraded: expect.arrayContaining(['cache']),
      checks: { cache: { status: 'degraded', detail: 'it does not answer; the log says why' } },
    })
    await gateway.stop('SIGKILL')
  })

  it('counts purges of either outcome from 0, so that the first one is seen to be more', async () => {
    const gateway = await startService(MAIN, { SIGNING_KEYS_FILE: at('signing.json') })
    const text = await (await fetch(`${gateway.url}/metrics`)).text()
    for (const outcome of ['confirmed', 'unconfirmed'])
      expect(text).toContain(`\nspillway_gateway_purges_total{outcome="${outcome}"} 0\n`)
    await gateway.stop('SIGKILL')
  })

  it('names every mistake in the routes file and does not start', async () => {
    const { code, output } = await runToEnd(MAIN, {
      PORT: '0',
      SIGNING_KEYS_FILE: at('signing.json'),
      ROUTES_FILE: at('bad.yaml'),
    })
    expect(code).toBe(1)
    for (const place of ['bad.yaml:3:20', 'bad.yaml:5:5', 'bad.yaml:5:11']) expect(output).toContain(place)
  })

  it.each([
    [
      'unknown settings and bad values, all at once',
      { SPILLWAY_X: '1', CACHE_URL: 'here' },
      ['SPILLWAY_X', 'CACHE_URL'],
    ],
    ['a cache that is none', { CACHE_URL: 'redis://me:secret@cache/name' }, ['"redis://…@cache/name"', 'redis://user']],
    ['no routes file', { SIGNING_KEYS_FILE: 'signing.json', ROUTES_FILE: 'missing.yaml' }, ['missing.yaml']],
    ['no keys', {}, ['set SIGNING_KEYS_FILE or AUTH_JWKS_URL']],
    [
      'keys of two kinds',
      { SIGNING_KEYS_FILE: 'signing.json', AUTH_JWKS_URL: 'http://127.0.0.1:9/', AUTH_ISSUER: 'a', AUTH_AUDIENCE: 'b' },
      ['set SIGNING_KEYS_FILE or AUTH_JWKS_URL, and not both'],
    ],
    ['half an issuer', { AUTH_JWKS_URL: 'http://127.0.0.1:9/' }, ['AUTH_ISSUER and AUTH_AUDIENCE belong together']],
    [
      'an issuer that is not there',
      { AUTH_JWKS_URL: 'http://127.0.0.1:9/', AUTH_ISSUER: 'a', AUTH_AUDIENCE: 'b' },
      ['cannot read the keys at http://127.0.0.1:9/'],
    ],
    [
      'an address that is none',
      { AUTH_JWKS_ALLOW_ADDRESSES: '169.254.20.10,metadata' },
      ['AUTH_JWKS_ALLOW_ADDRESSES is "169.254.20.10,metadata"; it must be comma-separated addresses and CIDRs'],
    ],
    ['keys that cannot sign', { SIGNING_KEYS_FILE: 'verifying.json' }, ['private half']],
  ])('refuses %s', async (_, settings, expected) => {
    const files = Object.entries(settings).map(([name, value]) => [name, name.endsWith('_FILE') ? at(value) : value])
    const { code, output } = await runToEnd(MAIN, { PORT: '0', ...Object.fromEntries(files) })
    expect(code).toBe(1)
    for (const text of expected) expect(output).toContain(text)
  })
})
