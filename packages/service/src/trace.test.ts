import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { believing, continueTrace, requestId } from './trace.ts'

/** A request from an address that names itself so. */
const from = (remoteAddress: string, id?: string) => {
  const headers = id === undefined ? {} : { 'x-request-id': id }
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

describe('continueTrace', () => {
  it('keeps the trace and its sampling, with this hop as the parent', () => {
    const trace = continueTrace(`00-${TRACE}-${PARENT}-01`)
    expect(trace.traceId).toBe(TRACE)
    expect(trace.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(trace.traceparent).not.toContain(PARENT)
    expect(continueTrace(`00-${TRACE}-${PARENT}-00`).traceparent).toMatch(/-00$/)
  })

  it('passes on only the flags that it knows', () => {
    expect(continueTrace(`00-${TRACE}-${PARENT}-ff`).traceparent).toMatch(/-03$/)
    expect(continueTrace(`00-${TRACE}-${PARENT}-0c`).traceparent).toMatch(/-00$/)
  })

  it.each([`cc-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`])(
    'reads the later version %s as far as it knows, and answers in its own',
    (given) => {
      expect(continueTrace(given)).toMatchObject({ traceId: TRACE, traceparent: expect.stringMatching(/^00-.*-01$/) })
    },
  )

  // Those of the W3C's test suite (trace-context/test/test.py) that concern traceparent.
  it.each([
    undefined,
    '',
    TRACE,
    `00-${TRACE}-${PARENT}-01-extra`,
    `00-${TRACE}-${PARENT}-01.`,
    `00-${TRACE}-${PARENT}-01-`,
    `cc-${TRACE}-${PARENT}-01.extra`,
    `ff-${TRACE}-${PARENT}-01`,
    `.0-${TRACE}-${PARENT}-01`,
    `0-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}0-01`,
    `00-${TRACE}-${PARENT}-1`,
    `00-${TRACE}-${PARENT}-.1`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
  ])('begins a new, sampled trace where it is sent %s', (given) => {
    const { traceId, traceparent } = continueTrace(given)
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(traceId).not.toBe(TRACE)
    expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  })

  it('never gives two hops the same parent', () => {
    const seen = new Set(Array.from({ length: 1000 }, () => continueTrace(`00-${TRACE}-${PARENT}-01`).traceparent))
    expect(seen.size).toBe(1000)
  })
})

describe('requestId', () => {
  it.each(['a', 'A1._-', 'x'.repeat(64)])('keeps the harmless %s', (given) => {
    expect(requestId(from('192.0.2.1', given), believing(undefined))).toBe(given)
  })

  it.each([
    undefined,
    '',
    'x'.repeat(65),
    'a b',
    'a\tb',
    'a"b',
    '{"level":"fatal"}',
    'a\u0000',
    'é',
    'a, b',
    '../../etc',
    '%0d%0a',
  ])('makes one instead of %s', (given) => {
    expect(requestId(from('192.0.2.1', given), believing(undefined))).toMatch(/^[0-9a-f]{32}$/)
  })
  it.each([
    [['10.0.0.0/8', '::1'], '10.1.2.3', true],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['10.0.0.0/8', '::1'], '::1', true],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['10.0.0.0/8'], '11.1.2.3', false],
    [['10.1.2.3'], '10.1.2.4', false],
    [[], '127.0.0.1', false],
    [['0.0.0.0/0'], 'no address', false],
    [['0.0.0.0/0'], '', false],
  ])('of those behind %j believes %s: %s', (peers, address, believed) => {
    const believes = believing(peers)
    const request = from(address, 'mine')
    for (let again = 0; again < 2; again++) expect(requestId(request, believes) === 'mine').toBe(believed)
  })
})
