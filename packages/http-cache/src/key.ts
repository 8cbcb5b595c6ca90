/** What names an answer: its URL as a tag, the key it is stored under, and the keys of its variants. */
import type { Dispatcher } from 'undici'
import { members, type RequestHeaders, requestField } from './fields.ts'

/** Authority, path and query, as they are. */
export function urlOf(options: Dispatcher.DispatchOptions): string {
  const { origin } = options
  return `${typeof origin === 'string' ? origin : (origin?.origin ?? '')}${options.path}`
}

/**
 * GET and HEAD share one; a URL and `target` ({@link namedTarget}) hold no line break and the scope says its length, so
 * that no two requests share one.
 */
export function primaryKey(url: string, scope: string, target = ''): string {
  return `GET${target}\n${url}\n${scope.length}:${scope}`
}

/**
 * The tag of a URL, the same for all that are equivalent (RFC 3986, 6.2.2), so that a write to one purges the answers of
 * all. Keys tell them apart: an upstream that does, too, must not answer one with what it says of another.
 */
export function urlTag(url: string): string {
  if (!/[%\\]|\/\./.test(url)) return url
  const decoded = url.replaceAll(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase()
  })
  return URL.parse(decoded)?.href ?? decoded
}

/** The key of the answer to a request with these headers, where answers vary by the fields `vary` (RFC 9111, 4.1). */
export function variantKey(primary: string, vary: readonly string[], headers: RequestHeaders): string {
  return `${primary}\n${JSON.stringify(vary.map((name) => [name, normalised(name, requestField(headers, name))]))}`
}

/** Absent differs from empty. White space around members means nothing anywhere, case nothing in `Accept-*`. */
function normalised(name: string, value: string | undefined): string | null {
  if (value === undefined) return null
  const joined = members(value).join(',')
  return name.startsWith('accept') ? joined.toLowerCase() : joined
}
