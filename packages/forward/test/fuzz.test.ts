/** Never two requests where one was sent: whatever a client writes, upstreams read no more than a strict reader does. */
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { edge } from './edge.ts'
import { read } from './strict.ts'
import { ask, RawClient, rawUpstream } from './wire.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n'
const asChunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
const target = fc.constantFrom('/', '/a?b=c', 'http://a/b', '/%0d%0aGET%20/', '//a')
const version = fc.constantFrom('1.1', '1.1', '1.1', '1.0')
const content = fc.constantFrom('', 'hello', SMUGGLED, '0\r\n\r\n', `0\r\n\r\n${SMUGGLED}`)
const field = fc.constantFrom(
  'x: 1\r\n',
  'connection: keep-alive\r\n',
  'connection: close\r\n',
  'connection: content-length, transfer-encoding\r\n',
  'expect: 100-continue\r\n',
  'upgrade: websocket\r\nconnection: upgrade\r\n',
  'upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n',
  'te: trailers\r\n',
)
/** As the framing says, or as it does not. */
const framed = fc
  .tuple(content, content)
  .chain(([body, other]) =>
    fc.constantFrom(
      ['', ''],
      [`content-length: ${body.length}\r\n`, body],
      ['transfer-encoding: chunked\r\n', `${body && asChunk(body)}0\r\n\r\n`],
      ['transfer-encoding: chunked\r\n', `${body && asChunk(body)}0\r\nx: 1\r\n\r\n`],
      ['transfer-encoding: chunked\r\n', `${body.length.toString(16)};a=b\r\n${body}\r\n0\r\n\r\n`],
      [`content-length: ${body.length}\r\n`, other],
      [`content-length: ${body.length}\r\ncontent-length: ${other.length}\r\n`, body],
      [`content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n`, `${asChunk(other)}0\r\n\r\n`],
      [`transfer-encoding: chunked\r\ncontent-length: ${body.length}\r\n`, body],
      [`content-length: ${body.length}\r\ntransfer-encoding: identity\r\n`, body],
      ['transfer-encoding: xchunked\r\n', `${asChunk(body)}0\r\n\r\n`],
      ['transfer-encoding : chunked\r\n', `${asChunk(body)}0\r\n\r\n`],
      ['transfer-encoding:\r\n chunked\r\n', `${asChunk(body)}0\r\n\r\n`],
      ['transfer-encoding: chunked\r\ntransfer-encoding: cow\r\n', `${asChunk(body)}0\r\n\r\n`],
      ['x: y\ntransfer-encoding: chunked\r\n', `${asChunk(body)}0\r\n\r\n`],
      ['transfer-encoding: chunked\r\n', `${body.length.toString(16)}\n${body}\n0\n\n`],
      ['transfer-encoding: chunked\r\n', `${asChunk(body)}0\r\n${SMUGGLED}`],
    ),
  )
const request = fc
  .tuple(method, target, version, fc.array(field, { maxLength: 2 }), framed)
  .map(
    ([verb, path, minor, fields, [framing, body]]) =>
      `${verb} ${path} HTTP/${minor}\r\nhost: a\r\n${fields.join('')}${framing}\r\n${body}`,
  )

/** One byte more, one less, or another. */
const odd = fc.constantFrom(
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '1',
  'f',
  '\x0b',
  '\x7f',
  '\xa0',
  '\xff',
  '#',
)
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat(2),
  put: fc.option(odd, { nil: '' }),
})
const mutated = fc.tuple(request, fc.array(mutation, { maxLength: 3 })).map(([text, mutations]) =>
  mutations.reduce((bytes, { at, cut, put }) => {
    const place = Math.floor(at * bytes.length)
    return bytes.slice(0, place) + put + bytes.slice(place + cut)
  }, text),
)
/** Most often several on one connection, cut into packets anywhere. */
const stream = fc.record({
  requests: fc.array(fc.oneof(request, mutated), { minLength: 1, maxLength: 3 }),
  packets: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 2 }),
})

/** Answers each whole request, and keeps what it read. */
async function strictUpstream() {
  const seen = { requests: [] as string[], bad: false }
  const { origin } = await rawUpstream((socket) => {
    let bytes = ''
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1')
      const { requests, length, bad } = read(bytes)
      bytes = bytes.slice(length)
      seen.bad ||= bad
      seen.requests.push(...requests)
      // The answer to HEAD ends with its head.
      for (const request of requests) socket.write(request.startsWith('HEAD ') ? OK.slice(0, -2) : OK)
    })
  })
  return { origin, seen }
}

/** What a client gets for its `packets`, once it is through with whoever answers them. */
async function answersTo(port: number, packets: readonly string[], expected: number): Promise<string> {
  const client = new RawClient(port)
  // Behind a round trip of another client's, the proxy has read what was written before it, and sent it on.
  const passed = () => ask(port, { path: '/other' })
  for (const packet of packets) {
    client.send(packet)
    await new Promise(setImmediate)
  }
  await passed()
  const done = () =>
    client.socket.destroyed || (client.received.match(/HTTP\/1\.1 [2-5]\d\d/g)?.length ?? 0) >= expected
  while (!done()) await Promise.race([once(client.socket, 'data'), client.closed])
  await passed()
  client.socket.destroy()
  await client.closed
  return client.received
}

describe('whatever a client writes', () => {
  it('no upstream sees a request that was not written, nor a malformed one, and no answer is a failure of ours', async () => {
    const { origin, seen } = await strictUpstream()
    const { port, inFlight } = await edge(origin)
    const count = { forwarded: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(stream, async ({ requests, packets }) => {
        seen.requests = []
        const bytes = requests.join('')
        const written = read(bytes).requests.map(pathOnly)
        const answers = await answersTo(port, cut(bytes, packets), written.length)
        await expect.poll(inFlight, { interval: 1 }).toBe(0)

        expect(seen.bad).toBe(false)
        for (const request of seen.requests.filter((each) => each !== 'GET /other ')) {
          const place = written.indexOf(request)
          expect(place, `${JSON.stringify(request)} was not written`).toBeGreaterThanOrEqual(0)
          written.splice(place, 1)
          count.forwarded++
        }
        count.refused += answers.match(/HTTP\/1\.1 4/g)?.length ?? 0
        // 505 is no failure: the client named another version.
        for (const [status] of answers.matchAll(/(?<=HTTP\/1\.1 )5\d\d/g))
          expect(['502', '503', '504', '505']).toContain(status)
      }),
      { numRuns: 2_000, interruptAfterTimeLimit: 12_000 },
    )
    // Both kinds were among them.
    expect(Math.min(count.forwarded, count.refused)).toBeGreaterThan(50)
  })
})

/** As a proxy writes it: an absolute target has become a path. */
function pathOnly(request: string): string {
  return request.replace(/^(\S+) https?:\/\/[^/? ]*\/?/i, '$1 /')
}

function cut(bytes: string, places: readonly number[]): string[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end)).filter((packet) => packet !== '')
}
