/** What a request asks for beside its URL, and whether its URL can be read in two ways: what poisons and deceives caches. */
import { eachLine, type RequestHeaders } from './fields.ts'

/**
 * Fields that upstreams take for the site, URL or method that is asked for. Whoever sends them gets an answer that is for
 * nobody who does not (PortSwigger, "Practical Web Cache Poisoning"; Cloudflare's default key has the same ones).
 */
const TARGETING =
  /^(?:host|forwarded|front-end-https|x-(?:forwarded-(?!for$|by$).+|original-(?!forwarded-for$).+|rewrite-.+|(?:http-|backend-|real-)?host(?:-.+)?|(?:http-)?method(?:-.+)?|(?:url-)?scheme|http-destinationurl))$/
/** Of `Forwarded` (RFC 7239), what names clients and hops. */
const NODES = /\b(?:for|by)=(?:"[^"]*"|[^\s;,]*);?/gi
/** One that names no more than these and the host that it was called by. */
const PLAIN = /^(?:(?:for|by)=(?:"[^"]*"|[^\s;,]*);)*host="([^"]*)";proto=http$/
/** Of those fields, what every request has by the time it comes here. */
const HARMLESS = new Set(['x-forwarded-for', 'x-request-id', 'x-timeout-ms'])
/** The first letters of those fields, in lower case. */
const [F, H, X] = [102, 104, 120]

/**
 * What these fields name, for the key; empty where they name nothing. That is so for `http`, and for `calledAt`, this
 * hop's own address: clients who have only that, each of another hop, may share answers.
 */
export function namedTarget(headers: RequestHeaders, calledAt: string | undefined): string {
  const named: string[] = []
  eachLine(headers, (given, value) => {
    // The first letter first: this runs for every field of every hit.
    const letter = given.charCodeAt(0) | 32
    if (letter !== X && letter !== F && letter !== H) return
    const field = given.toLowerCase()
    // CGI and its heirs read `x_host` as `x-host` (RFC 3875, 4.1.18).
    if (HARMLESS.has(field) || !TARGETING.test(field.replaceAll('_', '-'))) return
    const name = nameIn(field, value, calledAt)
    if (name !== undefined) named.push(field, name)
  })
  return named.length > 0 ? JSON.stringify(named) : ''
}

function nameIn(field: string, value: string, calledAt: string | undefined): string | undefined {
  if (value === 'http' || value === calledAt) return undefined
  if (field !== 'forwarded') return value
  const [, host] = PLAIN.exec(value) ?? []
  return host !== undefined && host === calledAt ? undefined : value.replace(NODES, '')
}

/**
 * Delimiters and encodings that routers, upstreams and caches read differently: path parameters, back-slashes, empty and
 * dot segments, encoded delimiters and control characters (PortSwigger, "Gotta cache 'em all").
 */
const AMBIGUOUS = /[;\\]|\/\/|\/\.{1,2}(?:\/|$)|%(?:[01].|2[35ef]|3[bf]|5c|7f)/i

/** Whether two readers of this path may find two different ones in it, so that the scope may be that of another. */
export function isAmbiguous(path: string): boolean {
  const query = path.indexOf('?')
  return AMBIGUOUS.test(query < 0 ? path : path.slice(0, query))
}
