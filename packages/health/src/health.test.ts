import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { type Check, health, Lifecycle } from './index.ts'

async function ready(lifecycle: Lifecycle, checks: Record<string, Check> = {}) {
  const app = Fastify()
  await app.register(health, { lifecycle, checks })
  const response = await app.inject('/ready')
  await app.close()
  return { code: response.statusCode, body: response.json() }
}

describe('/ready', () => {
  it('answers 503 while starting and while draining, 200 between', async () => {
    const lifecycle = new Lifecycle()
    expect(await ready(lifecycle)).toMatchObject({ code: 503, body: { status: 'starting' } })
    lifecycle.ready()
    expect(await ready(lifecycle)).toMatchObject({ code: 200, body: { status: 'ready' } })
    lifecycle.drain()
    expect(await ready(lifecycle)).toMatchObject({ code: 503, body: { status: 'draining' } })
    expect(lifecycle.draining.aborted).toBe(true)
  })

  it('never becomes ready again once it drains', async () => {
    const lifecycle = new Lifecycle()
    lifecycle.drain()
    lifecycle.ready()
    expect(lifecycle.state).toBe('draining')
  })

  it('names what is degraded and stays ready', async () => {
    const lifecycle = new Lifecycle()
    lifecycle.ready()
    const answer = await ready(lifecycle, {
      cache: () => ({ status: 'degraded', detail: 'connection refused' }),
      keys: () => ({ status: 'ok' }),
    })
    expect(answer).toEqual({
      code: 200,
      body: {
        status: 'ready',
        degraded: ['cache'],
        checks: { cache: { status: 'degraded', detail: 'connection refused' }, keys: { status: 'ok' } },
      },
    })
  })

  it('answers 503 when it could not answer requests', async () => {
    const lifecycle = new Lifecycle()
    lifecycle.ready()
    expect(await ready(lifecycle, { routes: () => ({ status: 'failing' }) })).toMatchObject({
      code: 503,
      body: { status: 'failing' },
    })
  })
})

describe('/health', () => {
  it('answers 200 however ready the service is', async () => {
    const app = Fastify()
    const lifecycle = new Lifecycle()
    lifecycle.drain()
    await app.register(health, { lifecycle })
    expect((await app.inject('/health')).json()).toMatchObject({ status: 'ok' })
    await app.close()
  })
})

describe('an answer', () => {
  it('of /ready is never stored, and asks each check anew', async () => {
    const app = Fastify()
    const lifecycle = new Lifecycle()
    lifecycle.ready()
    let status: 'ok' | 'failing' = 'ok'
    await app.register(health, { lifecycle, checks: { routes: () => ({ status }) } })
    const first = await app.inject('/ready')
    expect([first.statusCode, first.headers['cache-control']]).toEqual([200, 'no-store'])
    status = 'failing'
    expect((await app.inject('/ready')).statusCode).toBe(503)
    await app.close()
  })
})
