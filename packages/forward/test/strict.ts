/**
 * Requests in a stream of bytes by RFC 9112 alone. Of its leniencies two are kept, with which no reader finds more or
 * fewer: ends of lines before a request (2.2) and more than one space in its line (3).
 */

interface Read {
  /** Whole requests, as `METHOD target body`, up to the first byte that is none. */
  requests: string[]
  /** How many bytes they have. */
  length: number
  /** Whether something came behind them that is neither a request nor the beginning of one. */
  bad: boolean
}

const REQUEST_LINE = /^([!#$%&'*+.^`|~\w-]+) +([\x21-\x7e]+) +HTTP\/1\.[01]$/
const FIELD = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/
const CHUNK = /^([\da-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

class Malformed extends Error {}
class Unfinished extends Error {}

/** `bytes` as Latin-1. */
export function read(bytes: string): Read {
  const requests: string[] = []
  let at = 0
  let length = 0

  const line = (): string => {
    const end = bytes.indexOf('\n', at)
    if (end < 0) throw new Unfinished()
    const text = bytes.slice(at, end)
    at = end + 1
    if (!text.endsWith('\r') || text.indexOf('\r') < text.length - 1) throw new Malformed('a bare CR or LF')
    return text.slice(0, -1)
  }
  const take = (length: number): string => {
    if (bytes.length < at + length) throw new Unfinished()
    at += length
    return bytes.slice(at - length, at)
  }
  const fields = (): [string, string][] => {
    const found: [string, string][] = []
    for (let text = line(); text !== ''; text = line()) {
      const [, name, value] = FIELD.exec(text) ?? []
      if (name === undefined || value === undefined) throw new Malformed('no field')
      found.push([name.toLowerCase(), value])
    }
    return found
  }
  const chunks = (): string => {
    let body = ''
    for (;;) {
      const size = CHUNK.exec(line())?.[1]
      if (size === undefined) throw new Malformed('no chunk size')
      if (Number.parseInt(size, 16) === 0) break
      body += take(Number.parseInt(size, 16))
      if (line() !== '') throw new Malformed('a chunk longer than said')
    }
    fields()
    return body
  }
  const request = (): string => {
    while (bytes[at] === '\r' || bytes[at] === '\n') at++
    if (at === bytes.length) throw new Unfinished()
    const [, method, target] = REQUEST_LINE.exec(line()) ?? []
    if (method === undefined) throw new Malformed('no request line')
    const head = fields()
    const framing = framingOf(head)
    const body = framing === 'chunked' ? chunks() : take(framing)
    return `${method} ${target} ${body}`
  }

  try {
    while (at < bytes.length) {
      requests.push(request())
      length = at
    }
    return { requests, length, bad: false }
  } catch (error) {
    if (error instanceof Malformed) return { requests, length, bad: true }
    if (error instanceof Unfinished) return { requests, length, bad: false }
    throw error
  }
}

/** Bytes of the body, or that it comes in chunks (RFC 9112, 6.3). */
function framingOf(head: readonly [string, string][]): number | 'chunked' {
  const all = (name: string) => head.filter((field) => field[0] === name).map(([, value]) => value)
  const [lengths, codings] = [all('content-length'), all('transfer-encoding')]
  if (all('host').length > 1) throw new Malformed('two Hosts')
  if (codings.length + lengths.length > 1) throw new Malformed('framed twice')
  if (codings.length === 1) {
    if (codings[0]?.toLowerCase() !== 'chunked') throw new Malformed('an unknown coding')
    return 'chunked'
  }
  if (lengths.length === 1 && !/^\d{1,15}$/.test(String(lengths[0]))) throw new Malformed('no length')
  return Number(lengths[0] ?? 0)
}
