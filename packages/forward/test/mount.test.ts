/** Where mounted paths lead. What a mount owes beyond that is in forward.test.ts. */
import { createApp, createContext } from '@spillway/service'
import type { FastifyInstance } from 'fastify'
import { Agent } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createForward, type MountOptions, mount } from '../src/index.ts'
import { ask, portOf, upstream } from './wire.ts'

/** The path and query that the upstream is asked for, or the status of a refusal. */
async function asked(options: Pick<MountOptions, 'path' | 'at' | 'below'>, path: string): Promise<string | number> {
  const { origin } = await upstream((request, response) => response.end(request.url))
  const context = createContext('edge', { LOG_LEVEL: 'silent' })
  const app = await createApp(context, { operators: false })
  const dispatcher = new Agent()
  const forward = createForward({ dispatcher, origin, name: 'edge' })
  mount(app as unknown as FastifyInstance, { ...options, methods: ['GET'], forward })
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    await app.close()
    await dispatcher.destroy()
  })
  const { status, body } = await ask(portOf(app.server), { path })
  return status === 200 ? body.toString() : status
}

describe('a mounted path', () => {
  it.for([
    ['/shop', '/', '/shop', '/'],
    ['/shop', '/', '/shop/a', '/a'],
    ['/shop', '/shop', '/shop', '/shop'],
    ['/shop', '/shop', '/shop/', '/shop/'],
    ['/shop', '/v2/shop', '/shop/a%2Fb/./c//d;e?q=%20a+b&q=&?', '/v2/shop/a%2Fb/./c//d;e?q=%20a+b&q=&?'],
    ['/shop', '/v2/', '/shop/a', '/v2/a'],
    ['/shop', '/v2', '/%73hop/a', '/v2/a'],
    ['/shop', '/v2', 'http://other.example/shop/a?b', '/v2/a?b'],
    ['/', '/v2', '/a', '/v2/a'],
  ])('%s at %s: %s asks for %s', async ([path = '', at = '', client = '', expected]) => {
    expect(await asked({ path, at, below: true }, client)).toBe(expected)
  })

  it.for([
    ['/', '/?a=/b', '/base?a=/b'],
    ['/', 'http://other.example?a', '/base?a'],
    ['/', '/a', 404],
    ['/shop', '/shop?a', '/base?a'],
    ['/shop', '/shop/', 404],
  ] as const)('%s alone: %s asks for %s', async ([path, client, expected]) => {
    expect(await asked({ path, at: '/base', below: false }, client)).toBe(expected)
  })

  it.for(['/shopping', '/', '/other'])('does not take %s', async (client) => {
    expect(await asked({ path: '/shop', at: '/', below: true }, client)).toBe(404)
  })

  it.for(['/shop/../admin', '/shop/%2e%2e/admin', '/shop/..%2fadmin', '/shop/a/..%5cadmin', '/shop/..'])(
    'leads nowhere else: %s is refused',
    async (path) => {
      expect(await asked({ path: '/shop', at: '/v2', below: true }, path)).toBe(400)
    },
  )
})
