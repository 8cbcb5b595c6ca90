/** Interceptors of one's own: what they see and may change, and what becomes of a request whose interceptor fails. */
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

let folder: string
let cache: Service
let upstream: Upstream
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-interceptors-'))
  cache = await startService('cache/src/main.ts')
  upstream = await startUpstream(({ method, url, body, headers }, response) => {
    if (url === '/unknown-coding') response.writeHead(200, { 'transfer-encoding': 'odd' }).end()
    else json(response, 200, { method, url, body, greeting: headers.greeting }, { 'cache-control': 'max-age=60' })
  })
})
afterAll(async () => {
  await upstream?.close()
  await cache?.stop()
  await rm(folder, { recursive: true })
})
beforeEach(() => void upstream.asked.splice(0))

const file = (name: string) => path.join(folder, name)
const routesWith = (names: readonly string[], rest = 'auth: public') => `
upstreams:
  db: { endpoints: "\${UPSTREAM}", check: none }
routes:
  - { path: "/{name}", methods: [GET, POST], upstream: db, ${rest}, interceptors: [${names.map(file)}] }
  - { path: /plain/route, methods: [GET], upstream: db, auth: public, cache: none }
`

/** A gateway whose one route has these interceptors, by their files' texts. */
async function withOwn(
  files: Readonly<Record<string, string>>,
  use: (gateway: Gateway) => Promise<void>,
  rest?: string,
) {
  for (const [name, text] of Object.entries(files)) await writeFile(file(name), text)
  const routes = routesWith(Object.keys(files), rest)
  const gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  try {
    await use(gateway)
  } finally {
    await gateway.close()
  }
}

async function ask(gateway: Gateway, path: string, init: RequestInit = {}) {
  const answer = await fetch(gateway.url + path, init)
  const body = (await answer.json()) as Record<string, unknown>
  return { status: answer.status, headers: answer.headers, body }
}

const greeting = (name: string) => `
import type { Dispatcher } from 'undici'
export default (dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch => (options, handler) => {
  const headers = options.headers as string[]
  const at = headers.indexOf('greeting')
  const before = at < 0 ? '' : headers.splice(at, 2)[1] + ' '
  return dispatch({ ...options, headers: [...headers, 'greeting', before + '${name}'] }, handler)
}
`

describe('an interceptor of one’s own', () => {
  it('has each request before the cache, as the one in the docs', async () => {
    const docs = await readFile(new URL('../../../docs/routes.md', import.meta.url), 'utf8')
    const [, text = ''] = /```ts\n(\/\/ without-tracking\.ts[\s\S]*?)```/.exec(docs) ?? []
    await withOwn({ 'without-tracking.ts': text }, async (gateway) => {
      await until(
        async () => (await ask(gateway, '/shoes?utm_source=mail&size=42')).headers.get('cache-status') ?? '',
        (status) => status.includes('hit'),
      )
      upstream.asked.splice(0)
      const { headers, body } = await ask(gateway, '/shoes?size=42&utm_campaign=spring')
      expect(headers.get('cache-status')).toContain('hit')
      expect(body.url).toBe('/shoes?size=42')
      expect(upstream.asked).toEqual([])
    })
  })

  it('has it before the next one, which the file names behind it', async () => {
    await withOwn({ 'one.ts': greeting('one'), 'two.ts': greeting('two') }, async (gateway) => {
      expect((await ask(gateway, '/a', { method: 'POST' })).body).toMatchObject({ greeting: 'one two' })
    })
  })

  it('is on its route alone, and asked for nothing that the route refuses', async () => {
    const files = { 'greets.ts': greeting('hello') }
    await withOwn(
      files,
      async (gateway) => {
        expect((await ask(gateway, '/plain/route')).body.greeting).toBeUndefined()
        expect((await ask(gateway, '/a', { method: 'POST' })).status).toBe(401)
        expect(upstream.asked.map(({ url }) => url)).toEqual(['/plain/route'])
      },
      'auth: signed-in',
    )
  })

  it('may answer by itself', async () => {
    const answers = `
export default () => (options, handler) => {
  const controller = { aborted: false, paused: false, reason: null, abort() {}, pause() {}, resume() {} }
  handler.onRequestStart(controller, null)
  handler.onResponseStart(controller, 418, { 'content-type': 'application/json' }, '')
  handler.onResponseData(controller, Buffer.from('{"i":"teapot"}'))
  handler.onResponseEnd(controller, {})
  return true
}`
    await withOwn({ 'answers.js': answers }, async (gateway) => {
      expect(await ask(gateway, '/a')).toMatchObject({ status: 418, body: { i: 'teapot' } })
      expect(upstream.asked).toEqual([])
    })
  })

  it('is loaded anew with the routes file where it has changed, and all stays as it was where it is none any more', async () => {
    await withOwn({ 'changes.ts': greeting('before') }, async (gateway) => {
      const post = async () => (await ask(gateway, '/a', { method: 'POST' })).body.greeting
      expect(await post()).toBe('before')
      await writeFile(file('changes.ts'), greeting('after'))
      await utimes(file('changes.ts'), 1, 1)
      expect(await gateway.reload()).toEqual({ outcome: 'applied', changes: ['routes'] })
      expect(await post()).toBe('after')
      await writeFile(file('changes.ts'), 'export default 5')
      await utimes(file('changes.ts'), 2, 2)
      expect(await gateway.reload()).toMatchObject({ outcome: 'refused' })
      expect(await post()).toBe('after')
    })
  })
})

/** In a handler around the one that is given. */
const handling = (methods: string) => `
export default (dispatch) => (options, handler) => dispatch(options, Object.assign(Object.create(handler), { ${methods} }))`
const own = (method: string) => `${method}(...given) { throw new Error('no idea') }`

describe('an interceptor that fails', () => {
  it.each([
    ['in its dispatch', `export default () => () => { throw new Error('no idea') }`],
    ['with what is no error', `export default () => () => { throw null }`],
    ['by rejecting', `export default () => async () => { throw new Error('no idea') }`],
    [
      'after it has sent',
      `export default (dispatch) => (...given) => { dispatch(...given); throw new Error('no idea') }`,
    ],
    ['as the request starts', handling(own('onRequestStart'))],
    ['at the answer’s head', handling(own('onResponseStart'))],
    ['at the answer’s head, by rejecting', handling(`async ${own('onResponseStart')}`)],
  ])('%s costs its request alone, which is answered 500', async (_how, text) => {
    await withOwn({ 'fails.js': text }, async (gateway) => {
      for (const method of ['GET', 'POST']) {
        const { status, headers, body } = await ask(gateway, '/a', { method })
        expect({ status, code: body.code }).toEqual({ status: 500, code: 'interceptor_failed' })
        expect(headers.get('proxy-status')).toMatch(/^gateway-1; error=/)
        expect(JSON.stringify(body)).not.toMatch(/no idea|fails/)
      }
      expect((await ask(gateway, '/plain/route')).status).toBe(200)
    })
  })

  it.each([
    ['at the answer’s body', handling(own('onResponseData'))],
    ['at its end', handling(own('onResponseEnd'))],
  ])('%s breaks the answer off', async (_how, text) => {
    await withOwn({ 'breaks.js': text }, async (gateway) => {
      const broken = fetch(`${gateway.url}/a`, { method: 'POST' }).then((answer) => answer.text())
      await expect(broken).rejects.toThrow()
      expect((await ask(gateway, '/plain/route')).status).toBe(200)
    })
  })

  it.each([
    ['never sends', 'export default () => () => true'],
    ['hears of no failure', handling(`${own('onResponseStart')}, ${own('onResponseError')}`)],
  ])('because it %s is answered when the route’s time is over', async (_how, text) => {
    const use = async (gateway: Gateway) => {
      expect(await ask(gateway, '/a')).toMatchObject({ status: 504, body: { code: 'upstream_timeout' } })
    }
    await withOwn({ 'silent.js': text }, use, 'auth: public, timeout: 300ms')
  })

  it('is not blamed for what others throw', async () => {
    await withOwn({ 'innocent.js': handling('') }, async (gateway) => {
      expect(await ask(gateway, '/unknown-coding')).toMatchObject({ status: 502, body: { code: 'upstream_failed' } })
    })
  })
})

describe('a routes file is refused', () => {
  it.each([
    ['is not there', undefined, /is no interceptor: ENOENT/],
    [
      'exports nothing',
      'export const mine = 1',
      /it has no default export; it must be a function that takes a dispatch/,
    ],
    ['exports no function', 'export default {}', /its default export is a Object; it must be a function/],
    ['is no module', 'export default (', /./],
    ['returns no dispatch', 'export default () => 5', /returns number; it must be one that takes a dispatch/],
    ['throws', `export default () => { throw new Error('no idea') }`, /: no idea$/m],
  ])('whose interceptor %s, with its line', async (_what, text, why) => {
    const name = `bad${Math.abs(Math.trunc(performance.now() * 1000))}.ts`
    if (text) await writeFile(file(name), text)
    const routes = routesWith([name])
    const started = startGateway({ db: upstream.url, routes })
    await expect(started).rejects.toMatchObject({
      name: 'YamlError',
      mistakes: [
        { line: 5, message: expect.stringMatching(/^routes\[0\]\.interceptors\[0\] is .*, which is no interceptor: /) },
      ],
    })
    await expect(startGateway({ db: upstream.url, routes })).rejects.toThrow(why)
  })
})
