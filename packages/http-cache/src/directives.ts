/** What an answer allows a shared cache to do: its cache directives, read as RFC 9111 and RFC 9213 say. */
import { parseDictionary } from 'structured-headers'
import { parseHttpDate } from './dates.ts'
import { type AnswerHeaders, answerField } from './fields.ts'

/** The directives we act on; all others are ignored, as RFC 9111 (5.2.3) wants. */
export interface Policy {
  /** `no-store`. */
  readonly unstored: boolean
  /** `must-understand`: whoever knows its status may store it despite `no-store` (RFC 9111, 5.2.2.3). */
  readonly understood: boolean
  /** `private`, in either form: nobody but who asked may have it. */
  readonly secret: boolean
  /** `no-cache`: revalidated before each use. With fields it would do to leave those out; it is read as without. */
  readonly revalidated: boolean
  /** `must-revalidate`, `proxy-revalidate`, `s-maxage`: never used once it is stale (RFC 9111, 5.2.2). */
  readonly strict: boolean
  /** `public`: a status that is not cacheable by itself may be cached by heuristics too (RFC 9111, 4.2.2). */
  readonly public: boolean
  /** `public`, `s-maxage` or `must-revalidate`: it may be shared although the request was authorized (RFC 9111, 3.5). */
  readonly shared: boolean
  /**
   * Seconds: `s-maxage`, else `max-age`, else `Expires` less `Date`; 0 where that is invalid, undefined where there is
   * none of them (RFC 9111, 4.2.1).
   */
  readonly lifetime: number | undefined
  /** Seconds past its lifetime: RFC 5861, 3 and 4; 0 where there is none. */
  readonly whileRevalidate: number
  readonly ifError: number
}

/** Name to argument; an empty argument where there is none or it is malformed. */
export type Directives = ReadonlyMap<string, string>

/** `CDN-Cache-Control` alone where it is valid and not empty (RFC 9213, 2.2), else `Cache-Control`. */
export function policyOf(headers: AnswerHeaders): Policy {
  const targeted = parseTargeted(answerField(headers, 'cdn-cache-control') ?? '')
  const directives = targeted ?? parseCacheControl(answerField(headers, 'cache-control') ?? '')
  const has = (...names: string[]) => names.some((name) => directives.has(name))
  const told = directives.get('s-maxage') ?? directives.get('max-age')
  return {
    unstored: has('no-store'),
    understood: has('must-understand'),
    secret: has('private'),
    revalidated: has('no-cache'),
    strict: has('must-revalidate', 'proxy-revalidate', 's-maxage'),
    public: has('public'),
    shared: has('public', 's-maxage', 'must-revalidate'),
    // A targeted field stands for `Expires` too (RFC 9213, 2.2).
    lifetime: told === undefined ? (targeted ? undefined : untilExpiry(headers)) : deltaSeconds(told),
    whileRevalidate: deltaSeconds(directives.get('stale-while-revalidate') ?? ''),
    ifError: deltaSeconds(directives.get('stale-if-error') ?? ''),
  }
}

/** What `Expires` gives, in seconds; anything that is no date has expired already (RFC 9111, 5.3). */
function untilExpiry(headers: AnswerHeaders): number | undefined {
  const value = answerField(headers, 'expires')
  if (value === undefined) return undefined
  const expires = parseHttpDate(value)
  const date = parseHttpDate(answerField(headers, 'date')) ?? Date.now()
  return expires === undefined ? 0 : Math.max(0, (expires - date) / 1000)
}

/** `Cache-Control` by RFC 9111's lenient list; of a directive given twice, the first counts (4.2.1). */
export function parseCacheControl(value: string): Directives {
  const directives = new Map<string, string>()
  // A member ends at a comma outside quotes; an unclosed quote takes the rest.
  for (const [member] of value.matchAll(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g)) {
    const [, name, argument] = /^\s*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*("[^"]*"|[^\s"]*)\s*$)?/.exec(member) ?? []
    const known = name?.toLowerCase()
    if (known !== undefined && !directives.has(known)) directives.set(known, argument?.replaceAll('"', '') ?? '')
  }
  return directives
}

/** A targeted field is a structured one (RFC 9213, 2.1): undefined where it is empty or does not parse. */
function parseTargeted(value: string): Directives | undefined {
  try {
    const dictionary = parseDictionary(value)
    if (dictionary.size === 0) return undefined
    return new Map([...dictionary].map(([name, [item]]) => [name, typeof item === 'number' ? String(item) : '']))
  } catch {
    return undefined
  }
}

/** RFC 9111, 1.2.2; what overflows counts as 2^31. Invalid freshness counts as none (4.2.1). */
export function deltaSeconds(argument: string): number {
  return /^\d+$/.test(argument) ? Math.min(Number(argument), 2 ** 31) : 0
}
