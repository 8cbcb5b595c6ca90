/** Whether a body that is checked here is JSON in UTF-8 for whoever reads it behind us, too, by what its request says of it. */
import type { IncomingMessage } from 'node:http'

const CHARSETS = /charset[^;]*/gi
const UTF_8 = /^charset="?utf-?8"?\s*$/i

/**
 * An upstream that heeds `charset` or `Content-Encoding`, or the other one of two types, would read other values than were
 * checked: in UTF-7 `+ACI-` is a quotation mark. One that gets no type, since `Connection` names it, may guess.
 */
export function isPlainJson({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): boolean {
  const { connection = '', 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers
  const types = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type')
  return (
    types.length === 1 &&
    coding.toLowerCase() === 'identity' &&
    !/content-/i.test(connection) &&
    [...type.matchAll(CHARSETS)].every(([charset]) => UTF_8.test(charset))
  )
}
