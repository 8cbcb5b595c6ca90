/** What a client's bytes mean: passed on as exactly that, or refused. */
import type net from 'node:net'
import { describe, expect, it } from 'vitest'
import { edge } from './edge.ts'
import { RawClient, rawUpstream } from './wire.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n'
const POST = 'POST / HTTP/1.1\r\nhost: a\r\n'
const CHUNKED = `${POST}transfer-encoding: chunked\r\n\r\n`
const UPGRADE = 'connection: upgrade\r\nupgrade: websocket\r\n'

/** Keeps the bytes that come, and answers when what came ends with `until`. */
async function listener(until: string | RegExp = '\r\n\r\n') {
  const heard = { text: '', open: 0 }
  const { origin } = await rawUpstream((socket) => {
    heard.open++
    socket.once('close', () => heard.open--)
    let mine = ''
    socket.on('data', (chunk) => {
      heard.text += chunk.toString('latin1')
      mine += chunk.toString('latin1')
      if (typeof until === 'string' ? !mine.endsWith(until) : !until.test(mine)) return
      mine = ''
      socket.write(OK)
    })
  })
  return { origin, heard }
}

describe('a request is refused and its connection closed', () => {
  it.for([
    ['a length with a sign', `${POST}content-length: +2\r\n\r\nhi`, 400],
    ['a negative length', `${POST}content-length: -2\r\n\r\nhi`, 400],
    ['a length in hexadecimal', `${POST}content-length: 0x2\r\n\r\nhi`, 400],
    ['an empty length', `${POST}content-length:\r\n\r\nhi`, 400],
    ['two lengths in one', `${POST}content-length: 2 2\r\n\r\nhi`, 400],
    ['a list of lengths', `${POST}content-length: 2, 2\r\n\r\nhi`, 400],
    ['the same length twice', `${POST}content-length: 2\r\ncontent-length: 2\r\n\r\nhi`, 400],
    ['a length that a double would round', `${POST}content-length: 9007199254740993\r\n\r\nhi`, 400],
    ['a length beyond 64 bits', `${POST}content-length: 99999999999999999999\r\n\r\nhi`, 400],
    ['chunked twice', `${POST}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400],
    ['chunked in two fields', `${POST}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['identity', `${POST}transfer-encoding: identity\r\n\r\n`, 400],
    ['identity beside a length', `${POST}transfer-encoding: identity\r\ncontent-length: 2\r\n\r\nhi`, 400],
    ['an unknown coding', `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`, 400],
    ['an empty coding beside a length', `${POST}transfer-encoding:\r\ncontent-length: 2\r\n\r\nhi`, 400],
    ['a coding with a parameter', `${POST}transfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n`, 400],
    ['a coding in quotes', `${POST}transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n`, 400],
    ['a coding behind a vertical tab', `${POST}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
    ['a coding in a folded line', `${POST}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a space before the coding’s colon', `${POST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a field before the first name', 'GET / HTTP/1.1\r\n host: a\r\n\r\n', 400],
    ['a field without a name', `${GET}: x\r\n\r\n`, 400],
    ['a field without a colon', `${GET}xyz\r\n\r\n`, 400],
    ['a space in a name', `${GET}x y: 1\r\n\r\n`, 400],
    ['a NUL in a name', `${GET}x\0y: 1\r\n\r\n`, 400],
    ['a control character in a name', `${GET}x\x01y: 1\r\n\r\n`, 400],
    ['a letter beyond ASCII in a name', `${GET}x\xe9y: 1\r\n\r\n`, 400],
    ['a NUL in a value', `${GET}x: a\0b\r\n\r\n`, 400],
    ['a control character in a value', `${GET}x: a\x01b\r\n\r\n`, 400],
    ['a DEL in a value', `${GET}x: a\x7fb\r\n\r\n`, 400],
    ['a bare CR in a value', `${GET}x: a\rb\r\n\r\n`, 400],
    ['a bare CR before a line’s end', `${GET}x: a\r\r\n\r\n`, 400],
    ['bare LFs', 'GET / HTTP/1.1\nhost: a\n\n', 400],
    ['a bare LF between fields', 'GET / HTTP/1.1\r\nhost: a\nx: 1\r\n\r\n', 400],
    ['a bare LF at the head’s end', 'GET / HTTP/1.1\r\nhost: a\r\n\n', 400],
    ['no Host beside an absolute target', 'GET http://a/ HTTP/1.1\r\n\r\n', 400],
    ['two hosts in one', 'GET / HTTP/1.1\r\nhost: a, b\r\n\r\n', 400],
    ['a host with a path', 'GET / HTTP/1.1\r\nhost: a/b\r\n\r\n', 400],
    ['a host with a user', 'GET / HTTP/1.1\r\nhost: u@a\r\n\r\n', 400],
    ['a host with a quote', 'GET / HTTP/1.1\r\nhost: a"b\r\n\r\n', 400],
    ['a host with a fragment', 'GET / HTTP/1.1\r\nhost: a#b\r\n\r\n', 400],
    ['a host beyond ASCII', 'GET / HTTP/1.1\r\nhost: a\xe9\r\n\r\n', 400],
    ['a port that is none', 'GET / HTTP/1.1\r\nhost: a:80x\r\n\r\n', 400],
    ['a bad Host that an absolute target would replace', 'GET http://b/ HTTP/1.1\r\nhost: a/b\r\n\r\n', 400],
    ['two Hosts in HTTP/1.0', 'GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n', 400],
    ['a user in the target', 'GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a target of another scheme', 'GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a target that is no path', 'GET a HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['the target * without OPTIONS', 'GET * HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['OPTIONS *, which no upstream of many can answer', 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a target beyond ASCII', 'GET /\xe9 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['UTF-8 in the target', 'GET /\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a NUL in the target', 'GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a target of 20,000 bytes', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431],
    ['a field of 20,000 bytes', `${GET}x: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['fields of 20,000 bytes together', `${GET}${'x: 1\r\n'.repeat(3_400)}\r\n`, 431],
    ['an unknown method', 'FOO / HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['a method in small letters', 'get / HTTP/1.1\r\nhost: a\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 505],
    ['HTTP/2 without a preface', 'GET / HTTP/2.0\r\nhost: a\r\n\r\n', 505],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nhost: a\r\n\r\n', 400],
    ['HTTP/2’s preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['http in small letters', 'GET / http/1.1\r\nhost: a\r\n\r\n', 400],
    [
      'CONNECT with what looks like a body',
      `CONNECT a:1 HTTP/1.1\r\nhost: a\r\ncontent-length: 27\r\n\r\n${GET}\r\n`,
      405,
    ],
  ] as const)('for %s', async ([, text, status]) => {
    const { origin, heard } = await listener()
    const { port } = await edge(origin)
    const answer = await new RawClient(port).send(text).all()
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*"status":${status},[^{}]*\\}$`))
    expect(answer.toLowerCase()).toContain('connection: close')
    expect(heard.text).toBe('')
  })

  it('for a URL of more than 8 kB, which leaves nothing in doubt: 414, and the next one is answered', async () => {
    const { port } = await edge((await listener()).origin)
    const client = new RawClient(port).send(`GET /?${'x'.repeat(9_000)} HTTP/1.1\r\nhost: a\r\n\r\n`)
    expect(await client.until('url_too_long')).toMatch(/^HTTP\/1\.1 414 /)
    await client.send(`${GET}\r\n`).until('\r\n\r\nok')
  })
})

describe('a body is refused, and for the upstream never ends, for', () => {
  it.for([
    ['a size that is none', 'g\r\nhi\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x2\r\nhi\r\n0\r\n\r\n'],
    ['a size with a sign', '+2\r\nhi\r\n0\r\n\r\n'],
    ['a negative size', '-2\r\nhi\r\n0\r\n\r\n'],
    ['no size', '\r\nhi\r\n0\r\n\r\n'],
    ['a space before a size', ' 2\r\nhi\r\n0\r\n\r\n'],
    ['a space behind a size', '2 \r\nhi\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', '10000000000000002\r\nhi\r\n0\r\n\r\n'],
    ['a chunk longer than said', '2\r\nhix\r\n0\r\n\r\n'],
    ['a chunk shorter than said', '3\r\nhi\r\n0\r\n\r\n'],
    ['a bare LF behind a size', '2\nhi\r\n0\r\n\r\n'],
    ['a bare LF behind a chunk', '2\r\nhi\n0\r\n\r\n'],
    ['a bare LF behind the last size', '2\r\nhi\r\n0\n\r\n'],
    ['a bare LF at the end', '2\r\nhi\r\n0\r\n\n'],
    ['a bare CR behind a size', '2\rhi\r\n0\r\n\r\n'],
    ['an extension with a bare LF', '2;a\nhi\r\n0\r\n\r\n'],
    ['an extension with a bare CR', '2;a\rb\r\nhi\r\n0\r\n\r\n'],
    ['an extension with a NUL', '2;a=\0\r\nhi\r\n0\r\n\r\n'],
    ['an extension of 20,000 bytes', `2;a=${'x'.repeat(20_000)}\r\nhi\r\n0\r\n\r\n`],
    ['a trailer without a colon', '2\r\nhi\r\n0\r\nxyz\r\n\r\n'],
    ['a folded trailer', '2\r\nhi\r\n0\r\nx: 1\r\n 2\r\n\r\n'],
    ['a length among the trailers', '2\r\nhi\r\n0\r\ncontent-length: 5\r\n\r\n'],
    ['a coding among the trailers', '2\r\nhi\r\n0\r\ntransfer-encoding: chunked\r\n\r\n'],
  ])('%s', async ([, body]) => {
    const { origin, heard } = await listener('0\r\n\r\n')
    const { port, inFlight } = await edge(origin)
    const answer = await new RawClient(port).send(`${CHUNKED}${body}`).all()
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad_request"[^{}]*\}$/)
    expect(heard.text).not.toContain('0\r\n\r\n')
    await expect.poll(() => [heard.open, inFlight()]).toEqual([0, 0])
  })
})

describe('a request is passed on as it is', () => {
  it.for([
    ['bytes beyond ASCII in a value', `${GET}x: \xe9\xff\r\n\r\n`, 'x: \xe9\xff\r\n'],
    ['a tab in a value', `${GET}x: a\tb\r\n\r\n`, 'x: a\tb\r\n'],
    ['a value without the white space around it', `${GET}x:  a  b  \r\n\r\n`, 'x: a  b\r\n'],
    ['an empty value', `${GET}x:\r\n\r\n`, 'x: \r\n'],
    ['fields of one name in their order', `${GET}x: 1\r\nX: 2\r\n\r\n`, 'x: 1\r\nx: 2\r\n'],
    ['odd names', `${GET}constructor: 1\r\n__proto__: 2\r\n\r\n`, 'constructor: 1\r\n__proto__: 2\r\n'],
    ['a name with an underscore', `${GET}api_key: 9\r\n\r\n`, 'api_key: 9\r\n'],
    ['odd characters in the target', 'GET /a"<>\\^`{|}b HTTP/1.1\r\nhost: a\r\n\r\n', 'GET /a"<>\\^`{|}b HTTP/1.1\r\n'],
    ['escapes of control characters', 'GET /%00?%0d%0a HTTP/1.1\r\nhost: a\r\n\r\n', 'GET /%00?%0d%0a HTTP/1.1\r\n'],
    ['slashes at the start', 'GET //b/c HTTP/1.1\r\nhost: a\r\n\r\n', 'GET //b/c HTTP/1.1\r\nhost: a\r\n'],
    ['an IPv6 host', 'GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n', 'host: [::1]:80\r\n'],
    ['a host that no DNS has', 'GET / HTTP/1.1\r\nhost: a_b,c:\r\n\r\n', 'host: a_b,c:\r\n'],
    ['the absolute target’s host', 'GET http://b?c HTTP/1.1\r\nhost: a\r\n\r\n', 'GET /?c HTTP/1.1\r\nhost: b\r\n'],
    ['empty lines before it', `\r\n\r\n${GET}\r\n`, 'GET / HTTP/1.1\r\nhost: a\r\n'],
    [
      'framing that Connection names',
      `${POST}connection: host, content-length\r\ncontent-length: 4\r\n\r\n\r\n\r\n`,
      'content-length: 4\r\n\r\n\r\n\r\n',
    ],
    ['CHUNKED', `${POST}transfer-encoding: CHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, '\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['chunks without their extensions', `${CHUNKED}2;a="b;\\"c"\r\nhi\r\n0;d\r\n\r\n`, '\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['chunks with zeros before their size', `${CHUNKED}0002\r\nhi\r\n000\r\n\r\n`, '\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['chunks without their trailers', `${CHUNKED}2\r\nhi\r\n0\r\nx: 1\r\n\r\n`, '\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['a body with GET', `${GET}transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`, '\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    [
      'a body with an offer to upgrade, which is not taken',
      `${GET}${UPGRADE}content-length: 4\r\n\r\n\r\n\r\n`,
      'content-length: 4\r\n\r\n\r\n\r\n',
    ],
  ] as const)('with %s', async ([, text, expected]) => {
    const { origin, heard } = await listener()
    const { port } = await edge(origin)
    expect(await new RawClient(port).send(text).until('\r\n\r\nok')).toMatch(/^HTTP\/1\.1 200 /)
    expect(heard.text).toContain(expected)
  })
})

describe('on one connection', () => {
  const NEXT = 'GET /next HTTP/1.1\r\nhost: a\r\n\r\n'

  it.for([
    ['two Hosts', `${GET}host: b\r\n\r\n`],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a fragment', 'GET /#a HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nhost: a\r\n\r\n'],
    [
      'a coding in HTTP/1.0',
      'POST / HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['an unknown coding', `${POST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ])('nothing goes on that comes behind a request refused for %s', async ([, refused]) => {
    const { origin, heard } = await listener()
    const { port } = await edge(origin)
    const answers = await new RawClient(port).send(`GET /before HTTP/1.1\r\nhost: a\r\n\r\n${refused}${NEXT}`).all()
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', expect.stringMatching(/ 40[05]$/)])
    expect(heard.text).toMatch(/^GET \/before /)
    expect(heard.text).not.toContain('/next')
  })

  it.for([
    ['garbage', '@@@\r\n\r\n@@@\r\n\r\n', ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']],
    ['a broken body', `${CHUNKED}g\r\n`, ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']],
  ] as const)('requests get their own answers though %s comes behind them', async ([, bad, expected]) => {
    const arrived: net.Socket[] = []
    const { origin } = await rawUpstream((socket) => socket.on('data', () => arrived.push(socket)))
    const { port } = await edge(origin)
    const client = new RawClient(port).send(`GET /1 HTTP/1.1\r\nhost: a\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\n\r\n`)
    await expect.poll(() => arrived.length).toBe(2)
    client.send(bad)
    for (const socket of arrived) socket.write(OK)
    expect((await client.all()).match(/HTTP\/1\.1 \d+/g)).toEqual(expected)
  })

  it('a request that asked to close it is answered though more comes behind it', async () => {
    const { origin, heard } = await listener()
    const { port } = await edge(origin)
    const answer = await new RawClient(port).send(`${GET}connection: close\r\n\r\n${NEXT}`).all()
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/)
    expect(heard.text).not.toContain('/next')
  })

  it('an offer to upgrade behind a request that is yet to be answered is not taken', async () => {
    const arrived: { socket: net.Socket; text: string }[] = []
    const { origin } = await rawUpstream((socket) =>
      socket.on('data', (text) => arrived.push({ socket, text: String(text) })),
    )
    const { port } = await edge(origin)
    const client = new RawClient(port).send(`${GET}\r\n${GET}${UPGRADE}\r\n`)
    await expect.poll(() => arrived.length).toBe(2)
    expect(arrived[1]?.text).not.toContain('upgrade')
    for (const { socket } of arrived.toReversed()) socket.write(OK)
    expect((await client.all()).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
  })

  it('nothing is taken for a request that comes behind an upgrade which is not taken', async () => {
    const { origin, heard } = await listener()
    const { port } = await edge(origin)
    const smuggling = `${GET}connection: upgrade\r\nupgrade: h2c\r\n\r\n${POST}content-length: ${NEXT.length}\r\n\r\n`
    const client = new RawClient(port).send(smuggling)
    await expect.poll(() => heard.text).toMatch(/^GET /)
    const answer = await client.send(NEXT).all()
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200'])
    expect(answer.toLowerCase()).toContain('connection: close')
    expect(heard.text).not.toContain('/next')
  })

  it('CONNECT behind a request that is yet to be answered breaks it', async () => {
    const { origin, heard } = await listener(/never/)
    const { port, inFlight } = await edge(origin)
    await new RawClient(port).send(`${GET}\r\nCONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n`).closed
    await expect.poll(() => [heard.open, inFlight()]).toEqual([0, 0])
  })
})
