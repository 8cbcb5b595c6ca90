/** What an unsafe request may have changed, as tags to purge (RFC 9111, 4.4). */
import { exchangeOf } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { answerField, requestField } from './fields.ts'
import { urlOf, urlTag } from './key.ts'
import type { Head } from './live-answer.ts'
import { tagsOf } from './storable.ts'

/**
 * Its URL, what its exchange names, and what the answer's tags name, whatever the answer was, if any; and the URLs in `Location` and
 * `Content-Location` of an answer that is no error, where they are of the same origin: what others say of an upstream,
 * or it of others, counts for nothing.
 */
export function changedBy(options: Dispatcher.DispatchOptions, answer: Head | undefined): string[] {
  const url = urlTag(urlOf(options))
  const known = [url, ...(exchangeOf(options)?.changes ?? [])]
  if (!answer) return [...new Set(known)]
  const { status, headers } = answer
  const named = status < 400 ? [answerField(headers, 'location'), answerField(headers, 'content-location')] : []
  const urls = named.flatMap((reference) => sameOrigin(options, reference) ?? [])
  return [...new Set([...known, ...tagsOf(url, headers), ...urls])]
}

/** The URL, as ours are called. The upstream may call its origin as the client did: by `Host`. */
function sameOrigin(options: Dispatcher.DispatchOptions, reference: string | undefined): string | undefined {
  const base = URL.parse(urlOf(options))
  const target = reference === undefined ? null : URL.parse(reference, base?.href)
  if (!base || !target || !/^https?:$/.test(target.protocol)) return undefined
  if (target.host !== base.host && target.host !== requestField(options.headers, 'host')) return undefined
  return urlTag(urlOf({ ...options, path: `${target.pathname}${target.search}` }))
}
