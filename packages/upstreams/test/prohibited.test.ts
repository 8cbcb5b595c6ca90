import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Client } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { connector } from '../src/connector.ts'
import { destinations } from '../src/destinations.ts'
import { UpstreamError } from '../src/index.ts'
import { ask, named, over, until } from './servers.ts'

const METADATA = '169.254.169.254'

async function failure(asked: Promise<unknown>): Promise<UpstreamError> {
  const error = await asked.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(UpstreamError)
  return error as UpstreamError
}

describe('an upstream whose address is prohibited', () => {
  it.each([
    `http://${METADATA}`,
    'http://0xa9fea9fe',
    'http://[::ffff:169.254.169.254]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://0.0.0.0',
    'http://[::]',
    `https://${METADATA}`,
  ])('is not connected to: %s', async (origin) => {
    const { upstreams } = await over([origin], { check: false })
    const { type, statusCode, code, message, sent } = await failure(ask(upstreams, { method: 'POST', body: 'x' }))
    expect({ type, statusCode, code, sent }).toEqual({
      type: 'destination_ip_prohibited',
      statusCode: 502,
      code: 'upstream_unreachable',
      sent: false,
    })
    expect(message).not.toContain('169.254')
  })

  it('is down by its checks, which do not go there either', async () => {
    const { upstreams, transitions } = await over([`http://${METADATA}`], { usable: 0 })
    await until(() => transitions.length > 0)
    expect(transitions).toEqual(['0 starting -> down: destination_ip_prohibited'])
    expect((await failure(ask(upstreams))).type).toBe('destination_unavailable')
  })

  it('is reached where it is allowed', async () => {
    // Linux takes 0.0.0.0 for this host.
    const { origin } = await named('here')
    const unspecified = origin.replace('127.0.0.1', '0.0.0.0')
    const { upstreams } = await over([unspecified], { check: false, allowAddresses: ['0.0.0.0'] })
    expect((await ask(upstreams)).body).toBe('here')
  })

  it('is none of those that a name is found at', async () => {
    const { origin } = await named('here')
    const { port } = new URL(origin)
    let answers = ['127.0.0.1']
    const resolve = async () => answers
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { upstreams } = await over([`dns+http://shop:${port}`], { check: false, resolve, usable: 0 })
    await vi.waitFor(() => expect(upstreams.available).toBe(1))
    expect((await ask(upstreams)).body).toBe('here')
    answers = [METADATA]
    await vi.advanceTimersByTimeAsync(6000)
    expect((await failure(ask(upstreams))).type).toBe('destination_ip_prohibited')
  })
})

describe('a name that is looked up for each connection', () => {
  /** Answers as DNS that somebody else has in hand: one address while it is judged, another one later. */
  function rebinding(...answers: string[][]) {
    const asked: string[] = []
    const lookup = ((name: string, options: { all?: boolean }, done: (...answer: unknown[]) => void) => {
      asked.push(name)
      const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? []
      const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      if (options.all) done(null, found)
      else done(null, found[0]?.address, found[0]?.family)
    }) as LookupFunction
    return { lookup, asked }
  }

  async function client(origin: string, how: LookupFunction) {
    const url = new URL(origin)
    const allowed = destinations()
    const to = new Client(`http://shop.example:${url.port}`, {
      connect: connector({ allowed, lookup: how, allowH2: false }),
    })
    onTestFinished(() => to.destroy())
    return to
  }

  const get = { path: '/', method: 'GET', reset: true } as const

  it('leads where it was judged to lead, and to nothing that a later answer says', async () => {
    const { origin } = await named('here')
    const { lookup, asked } = rebinding(['127.0.0.1'], [METADATA])
    const to = await client(origin, lookup)
    expect(await (await to.request(get)).body.text()).toBe('here')
    expect(asked).toEqual(['shop.example'])
    await expect(to.request(get)).rejects.toThrow(`${METADATA} may not be connected to`)
  })

  it('leads to those of its addresses that may be reached', async () => {
    const { origin } = await named('here')
    const to = await client(origin, rebinding([METADATA, 'fe80::1', '127.0.0.1']).lookup)
    expect(await (await to.request(get)).body.text()).toBe('here')
  })

  it('is judged where one address is asked for, too', async () => {
    const { origin } = await named('here')
    const { lookup } = rebinding([METADATA])
    const allowed = destinations()
    const connectTo = connector({ allowed, lookup, allowH2: false, autoSelectFamily: false })
    const { port } = new URL(origin)
    const refused = new Promise((_, reject) =>
      connectTo({ hostname: 'shop.example', host: 'shop.example', protocol: 'http:', port }, (...[error]) =>
        reject(error),
      ),
    )
    await expect(refused).rejects.toMatchObject({ code: 'ERR_ADDRESS_PROHIBITED' })
  })

  it('that cannot be found fails as before', async () => {
    const to = await client('http://127.0.0.1:1', ((_name: string, options: object, done: never) =>
      lookup('nothing.invalid', options, done)) as LookupFunction)
    await expect(to.request(get)).rejects.toMatchObject({ code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) })
  })
})

it('an address that sends elsewhere is answered as it answers: nobody follows', async () => {
  const target = await named('secret')
  const moved = await named('moved')
  moved.server.removeAllListeners('request').on('request', (_request, response) => {
    response.writeHead(302, { location: target.origin }).end()
  })
  const { upstreams } = await over([moved.origin], { check: false })
  expect(await ask(upstreams)).toMatchObject({ status: 302, headers: { location: target.origin }, body: '' })
  expect(target.seen).toEqual([])
})
