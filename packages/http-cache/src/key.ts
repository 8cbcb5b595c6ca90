/** What names an answer: its URL as a tag, the key it is stored under, and the keys of its variants. */
import type { Dispatcher } from 'undici'
import { members, type RequestHeaders, requestField } from './fields.ts'

/** Authority, path and query: the tag every answer of this URL carries, whoever asked and with what headers. */
export function urlOf(options: Dispatcher.DispatchOptions): string {
  const { origin } = options
  return `${typeof origin === 'string' ? origin : (origin?.origin ?? '')}${options.path}`
}

/** GET and HEAD share one; a URL holds no line break and the scope says its length, so that no two requests share one. */
export function primaryKey(url: string, scope: string): string {
  return `GET\n${url}\n${scope.length}:${scope}`
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
