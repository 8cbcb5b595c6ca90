/** How much a request's head may hold. Node refuses too many bytes and fields, and this what is too much in a URL. */
import type { IncomingMessage } from 'node:http'
import { common, Problem } from './problem.ts'

/** Bytes of a head, its first line included. */
export const MAX_HEAD = 16_384
/** Bytes of a URL. */
export const MAX_URL = 8192
/** As Envoy and Apache take. */
export const MAX_FIELDS = 100
/** PHP, Django and qs read so many parameters, and some drop the rest without a word. */
const MAX_PARAMETERS = 1000

/** Undefined where it may pass. */
export function urlFault({ url = '' }: IncomingMessage): Problem | undefined {
  if (url.length > MAX_URL) {
    return new Problem(common.url_too_long, { detail: `the URL has ${url.length} bytes; the limit is ${MAX_URL}` })
  }
  if (url.length > MAX_PARAMETERS && url.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS) {
    return new Problem(common.url_too_long, { detail: `the URL has more than ${MAX_PARAMETERS} parameters` })
  }
  return undefined
}
