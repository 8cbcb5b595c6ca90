import { createExchange, UpstreamError } from '@spillway/upstreams'
import { errors } from 'undici'
import { describe, expect, it } from 'vitest'
import { HopFailure } from './failure.ts'
import { createHop } from './hop.ts'

const hop = createHop({ dispatcher: undefined as never, origin: 'http://db', name: 'edge' })
const failure = (cause: Error, known = {}) => new HopFailure(cause, hop, createExchange(known))

describe('a hop’s failure', () => {
  it('is what undici’s error means, with that as its cause', () => {
    const cause = new errors.BodyTimeoutError()
    const { statusCode, code, headers, cause: kept } = failure(cause)
    expect([statusCode, code, headers['proxy-status']]).toEqual([
      504,
      'upstream_timeout',
      'edge; error=connection_read_timeout',
    ])
    expect(kept).toBe(cause)
  })

  it('is never a bare 500', () => {
    expect(failure(new Error('what?'))).toMatchObject({ statusCode: 502, code: 'upstream_failed' })
    expect(failure(Object.assign(new Error('?'), { code: 'EWHAT', statusCode: 500 }))).toMatchObject({
      statusCode: 502,
    })
  })

  it('keeps the answer of an error that knows its own', () => {
    const shed = new UpstreamError('connection_limit_reached', { sent: false })
    expect(failure(shed)).toMatchObject({
      statusCode: 503,
      code: 'upstream_overloaded',
      headers: { 'retry-after': '2', 'proxy-status': 'edge; error=connection_limit_reached' },
    })
    const unconfirmed = Object.assign(new Error('written'), { code: 'purge_unconfirmed', statusCode: 504 })
    expect(failure(unconfirmed, { error: 'connection_timeout' })).toMatchObject({
      statusCode: 504,
      code: 'purge_unconfirmed',
      headers: { 'proxy-status': 'edge; error=connection_timeout' },
    })
  })
})
