/** What an answer allows a shared cache to do: its cache directives, read as RFC 9111 and RFC 9213 say. */
import { parseDictionary } from 'structured-headers'
import { type AnswerHeaders, answerField } from './fields.ts'

/** The directives we act on; all others are ignored, as RFC 9111 (5.2.3) wants. */
export interface Policy {
  /** `no-store`, or `private` in either form: nobody but who asked may have it. */
  readonly secret: boolean
  /** `no-cache` in either form: it would have to be validated each time, which we do not do, so it is not stored. */
  readonly unvalidated: boolean
  /** `public`, `s-maxage` or `must-revalidate`: it may be shared although the request was authorized (RFC 9111, 3.5). */
  readonly shared: boolean
  /** Seconds: `s-maxage` before `max-age`; 0 where there is none or it is invalid (RFC 9111, 4.2.1). */
  readonly lifetime: number
}

/** Name to argument; an empty argument where there is none or it is malformed. */
type Directives = ReadonlyMap<string, string>

/** `CDN-Cache-Control` alone where it is valid and not empty (RFC 9213, 2.2), else `Cache-Control`. */
export function policyOf(headers: AnswerHeaders): Policy {
  const targeted = parseTargeted(answerField(headers, 'cdn-cache-control') ?? '')
  const directives = targeted ?? parseCacheControl(answerField(headers, 'cache-control') ?? '')
  return {
    secret: directives.has('no-store') || directives.has('private'),
    unvalidated: directives.has('no-cache'),
    shared: directives.has('public') || directives.has('s-maxage') || directives.has('must-revalidate'),
    lifetime: deltaSeconds(directives.get('s-maxage') ?? directives.get('max-age') ?? ''),
  }
}

/** Whether a request may be answered from the cache only (RFC 9111, 5.2.1.7). */
export function onlyIfCached(cacheControl: string | undefined): boolean {
  return cacheControl !== undefined && parseCacheControl(cacheControl).has('only-if-cached')
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
function deltaSeconds(argument: string): number {
  return /^\d+$/.test(argument) ? Math.min(Number(argument), 2 ** 31) : 0
}
