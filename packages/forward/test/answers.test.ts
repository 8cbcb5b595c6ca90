/** What an upstream's bytes mean: passed on as exactly that, or 502, or a broken connection; never a second answer. */
import type net from 'node:net'
import { describe, expect, it } from 'vitest'
import { edge } from './edge.ts'
import { ask, RawClient, rawUpstream } from './wire.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const OK = `${HEAD}content-length: 2\r\n\r\nok`
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`

/** Says `text` to whatever it is asked first, and answers all else well, on whichever connection it comes. */
async function saying(text: string) {
  const connections: net.Socket[] = []
  let asked = 0
  const { origin } = await rawUpstream((socket) => {
    connections.push(socket)
    socket.on('data', () => socket.write(asked++ === 0 ? text : `${HEAD}content-length: 5\r\n\r\nafter`, 'latin1'))
  })
  return { ...(await edge(origin)), connections, asked: () => asked }
}

const asking = (method = 'GET') => `${method} / HTTP/1.1\r\nhost: a\r\n\r\n`

/** The whole answer to one request, without what this hop adds, and the one to the next request. */
async function answersOf(port: number, method?: string): Promise<string[]> {
  const client = new RawClient(port).send(asking(method))
  await client.until('\r\n\r\n')
  client.send(asking().replace('host: a', 'host: a\r\nconnection: close'))
  const [, ...answers] = (await client.all()).split(/HTTP\/1\.1 (?=\d)/)
  return answers.map((answer) =>
    answer.replaceAll(/^(?:via|x-[a-z-]+|server-timing|date|connection|keep-alive): .*\r\n/gim, ''),
  )
}

describe('502, and the connection is not used again, for', () => {
  it.for([
    ['two lengths', `${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nok`],
    ['the same length twice', `${HEAD}content-length: 2\r\ncontent-length: 2\r\n\r\nok`],
    ['a list of lengths', `${HEAD}content-length: 2, 2\r\n\r\nok`],
    ['a length with a sign', `${HEAD}content-length: +2\r\n\r\nok`],
    ['an empty length', `${HEAD}content-length:\r\n\r\nok`],
    ['a length in a folded line', `${HEAD}content-length:\r\n 2\r\n\r\nok`],
    ['a space before the length’s colon', `${HEAD}content-length : 2\r\n\r\nok`],
    ['a length beside a coding', `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['an unknown coding', `${HEAD}transfer-encoding: x\r\n\r\nok`],
    ['identity', `${HEAD}transfer-encoding: identity\r\n\r\nok`],
    ['chunked twice', `${HEAD}transfer-encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['a coding after chunked', `${HEAD}transfer-encoding: chunked, x\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['an empty coding', `${HEAD}transfer-encoding:\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['a folded field', `${HEAD}x: 1\r\n 2\r\ncontent-length: 2\r\n\r\nok`],
    ['a field without a colon', `${HEAD}xyz\r\ncontent-length: 2\r\n\r\nok`],
    ['a field without a name', `${HEAD}: 1\r\ncontent-length: 2\r\n\r\nok`],
    ['a NUL in a name', `${HEAD}x\0: 1\r\ncontent-length: 2\r\n\r\nok`],
    ['a letter beyond ASCII in a name', `${HEAD}x\xe9: 1\r\ncontent-length: 2\r\n\r\nok`],
    ['a NUL in a value', `${HEAD}x: a\0b\r\ncontent-length: 2\r\n\r\nok`],
    ['a bare CR in a value', `${HEAD}x: a\rb\r\ncontent-length: 2\r\n\r\nok`],
    ['a control character in a value', `${HEAD}x: a\x01b\r\ncontent-length: 2\r\n\r\nok`],
    ['bare LFs', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok'],
    ['a head of 20,000 bytes', `${HEAD}x: ${'y'.repeat(20_000)}\r\ncontent-length: 2\r\n\r\nok`],
    ['a status of two digits', 'HTTP/1.1 99 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['a status of four digits', 'HTTP/1.1 1000 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['the status 000', 'HTTP/1.1 000 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['the status 050', 'HTTP/1.1 050 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['a change of protocols that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['no HTTP', 'hello'],
    ['another protocol', 'ICY 200 OK\r\ncontent-length: 2\r\n\r\nok'],
  ])('%s', async ([, text = '']) => {
    const { port, connections, asked } = await saying(text)
    const [first, next] = await answersOf(port)
    expect(first).toMatch(/^502 [\s\S]*"code":"upstream_failed"/)
    expect(next).toMatch(/^200 [\s\S]*\r\n\r\nafter$/)
    expect([asked(), connections.length]).toEqual([2, 2])
    await expect.poll(() => connections[0]?.destroyed).toBe(true)
  })
})

describe('the client’s connection breaks, and the upstream’s is not used again, for', () => {
  it.for([
    ['a size that is none', 'zz\r\nok\r\n0\r\n\r\n'],
    ['a chunk longer than said', '2\r\nokk\r\n0\r\n\r\n'],
    ['bare LFs between chunks', '2\nok\n0\n\n'],
    ['a trailer without a colon', '2\r\nok\r\n0\r\nxyz\r\n\r\n'],
    ['a length among the trailers', '2\r\nok\r\n0\r\ncontent-length: 7\r\n\r\n'],
    ['trailers of 90,000 bytes', `2\r\nok\r\n0\r\nx: ${'y'.repeat(90_000)}\r\n\r\n`],
  ])('%s', async ([, body]) => {
    for (const version of ['1.1', '1.0']) {
      const { port, connections } = await saying(`${CHUNKED}${body}`)
      const client = new RawClient(port).send(`GET / HTTP/${version}\r\nhost: a\r\nconnection: keep-alive\r\n\r\n`)
      expect(await client.all()).not.toContain('0\r\n\r\n')
      expect(client.error?.code).toBe('ECONNRESET')
      expect((await ask(port)).body.toString()).toBe('after')
      await expect.poll(() => connections[0]?.destroyed).toBe(true)
    }
  })
})

describe('nobody gets', () => {
  it.for([
    ['a second answer', `${OK}${HEAD}content-length: 5\r\n\r\nstray`],
    ['what is beyond the length', `${OK}stray`],
    ['what is beyond the last chunk', `${CHUNKED}2\r\nok\r\n0\r\n\r\nstray`],
  ])('%s', async ([, text = '']) => {
    const { port, connections } = await saying(text)
    const [first, next] = await answersOf(port)
    expect(first).toMatch(/^200 [\s\S]*ok/)
    expect(next).toMatch(/^200 [\s\S]*\r\n\r\nafter$/)
    expect(`${first}${next}`).not.toContain('stray')
    expect(connections).toHaveLength(2)
  })

  it('an answer that comes while nothing is asked', async () => {
    const { port, connections } = await saying(OK)
    await ask(port)
    connections[0]?.write(`${HEAD}content-length: 5\r\n\r\nstray`)
    await expect.poll(() => connections[0]?.destroyed).toBe(true)
    expect((await ask(port)).body.toString()).toBe('after')
  })

  it.for([
    ['HEAD', `${OK}`, 'content-length: 2'],
    ['HEAD', `${CHUNKED}2\r\nok\r\n0\r\n\r\n`, undefined],
    ['HEAD', `${HEAD}content-length: 10\r\n\r\n`, 'content-length: 10'],
    ['HEAD', `${HEAD}\r\n`, undefined],
    ['GET', 'HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n', undefined],
    ['GET', 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok', undefined],
    ['GET', 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', undefined],
    ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n', 'content-length: 2'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok', 'content-length: 2'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', undefined],
  ] as const)('a body by %s where there is none: %j', async ([method, text, length]) => {
    const { port } = await saying(text)
    const [first = '', next] = await answersOf(port, method)
    expect(first).toMatch(/\r\n\r\n$/)
    expect(first.match(/^(?:content-length|transfer-encoding):.*(?=\r)/gim)?.join()).toBe(length)
    expect(next).toMatch(/^200 [\s\S]*\r\n\r\nafter$/)
  })
})

describe('an answer is passed on as it is', () => {
  it.for([
    ['bytes beyond ASCII', `${HEAD}x: \xe9\xff\r\ncontent-length: 2\r\n\r\nok`, 'x: \xe9\xff\r\n'],
    ['fields of one name in their order', `${HEAD}x: 1\r\nX: 2\r\ncontent-length: 2\r\n\r\nok`, 'x: 1\r\nx: 2\r\n'],
    [
      'odd names',
      `${HEAD}constructor: 1\r\n__proto__: 2\r\ncontent-length: 2\r\n\r\nok`,
      'constructor: 1\r\n__proto__: 2\r\n',
    ],
    [
      'odd names of trailers',
      `${CHUNKED}2\r\nok\r\n0\r\nconstructor: 1\r\n__proto__: 2\r\n\r\n`,
      'constructor: 1\r\n__proto__: 2\r\n',
    ],
    ['an unknown status', 'HTTP/1.1 299 Fine\r\ncontent-length: 2\r\n\r\nok', '299 '],
    ['a status beyond the classes', 'HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nok', '600 '],
    ['205 and its length', 'HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n', 'content-length: 0\r\n'],
    ['an empty body and its length', `${HEAD}content-length: 0\r\n\r\n`, 'content-length: 0\r\n'],
    ['chunks without extensions', `${CHUNKED}2;a="b"\r\nok\r\n0\r\n\r\n`, '\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['an empty line before it', `\r\n${OK}`, '\r\n\r\nok'],
    ['trailers of one name', `${CHUNKED}2\r\nok\r\n0\r\nsum: 1\r\nsum: 2\r\n\r\n`, '0\r\nsum: 1\r\nsum: 2\r\n\r\n'],
  ] as const)('with %s', async ([, text, expected]) => {
    const { port } = await saying(text)
    expect((await answersOf(port))[0]).toContain(expected)
  })

  it('which ends with its connection, for both versions of HTTP', async () => {
    const { origin } = await rawUpstream((socket) => socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nok')))
    const { port } = await edge(origin)
    expect((await ask(port)).body.toString()).toBe('ok')
    expect(await new RawClient(port).send('GET / HTTP/1.0\r\n\r\n').all()).toMatch(/\r\n\r\nok$/)
  })

  it('behind early hints with each of their links, and behind what this hop does not know', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nlink: </b>; rel=preload\r\n\r\n'
    const { port } = await saying(`HTTP/1.1 199 Odd\r\n\r\n${hints}${OK}`)
    const { status, body, informed } = await ask(port)
    expect([status, body.toString()]).toEqual([200, 'ok'])
    expect(informed.find(({ statusCode }) => statusCode === 103)?.headers['link']).toBe(
      '</a>; rel=preload, </b>; rel=preload',
    )
  })
})
