import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { balancer, balancerByFile, echo, gateway } from './world.ts'

/** Two clusters of an endpoint each, and their operators' port. */
async function twoClusters() {
  const shop = (await gateway(echo)).origin
  const blog = (await gateway(echo)).origin
  const text = (more = '') => `clusters:
  shop: { endpoints: [${shop}] }
  blog: { endpoints: [${blog}]${more} }
routes:
  - { path: /blog, to: blog }
  - { to: shop }
`
  const world = await balancerByFile(text())
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object) => {
    const headers = method === 'GET' ? {} : { 'content-type': 'application/json' }
    const answer = await request(world.adminUrl + path, { method, headers, body: body ? JSON.stringify(body) : null })
    return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, never> }
  }
  return { ...world, text, ask }
}

describe('POST /reload', () => {
  it('applies the file, and says what is different; operators’ doings stay where nothing is', async () => {
    const { ask, write, text } = await twoClusters()
    const { endpoints } = (await ask('GET', '/upstreams')).body as unknown as { endpoints: { id: string }[] }
    for (const { id } of endpoints) await ask('POST', `/upstreams/${id}/weight`, { weight: 5 })
    await ask('PUT', '/policy?cluster=blog', { policy: 'random' })
    expect((await ask('GET', '/policy')).body).toEqual({ shop: 'p2c-ewma', blog: 'random' })
    expect(await ask('POST', '/reload')).toEqual({ status: 200, body: { changes: [] } })
    expect((await ask('GET', '/policy')).body).toEqual({ shop: 'p2c-ewma', blog: 'random' })

    await write(text(', policy: hash'))
    expect(await ask('POST', '/reload', {})).toEqual({ status: 200, body: { changes: ['cluster blog: policy'] } })
    expect((await ask('GET', '/policy')).body).toEqual({ shop: 'p2c-ewma', blog: 'hash' })
    expect((await ask('GET', '/upstreams')).body).toMatchObject({
      endpoints: [
        { cluster: 'shop', weight: 5, id: endpoints[0]?.id },
        { cluster: 'blog', weight: 1, id: endpoints[1]?.id },
      ],
    })
  })

  it('refuses a file with every mistake in it and its line, and changes nothing', async () => {
    const { ask, write, text, file, url } = await twoClusters()
    await write(text(', policy: fastest').replace('to: shop', 'to: shpo'))
    const refused = await ask('POST', '/reload')
    expect(refused).toMatchObject({ status: 422, body: { code: 'reload_refused' } })
    expect(refused.body['errors']).toEqual([
      { in: 'configuration', path: '', message: expect.stringContaining(`${file}:3:`) },
      { in: 'configuration', path: '', message: expect.stringContaining(`${file}:6:`) },
    ])
    expect(refused.body['detail']).toMatch(/clusters.blog.policy is "fastest"; .*; .*routes\[1\].to is "shpo"/)
    expect((await ask('GET', '/policy')).body).toEqual({ shop: 'p2c-ewma', blog: 'p2c-ewma' })
    expect((await request(url)).statusCode).toBe(200)
  })

  it('refuses where there is no file', async () => {
    const { adminUrl } = await balancer([(await gateway(echo)).origin])
    const headers = { 'content-type': 'application/json' }
    const answer = await request(`${adminUrl}/reload`, { method: 'POST', headers })
    expect(answer.statusCode).toBe(422)
    const message = 'BALANCER_FILE is not set: there is no file to read again'
    expect(await answer.body.json()).toMatchObject({ detail: message, errors: [{ message }] })
  })
})
