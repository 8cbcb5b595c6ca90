/** What requests are told apart by where a cluster's policy is `hash`: `path`, `address`, `header:NAME`, `cookie:NAME`. */
import { type Forward, target } from '@spillway/forward'

export const HASH_KEY = "^(path|address|(header|cookie):[\\w!#$%&'*+.^`|~-]+)$"
export const WANTED_HASH_KEY = 'path, address, header:NAME or cookie:NAME'

/** A request without such a header or cookie has no key: it goes anywhere. */
export type HashKey = (request: Parameters<Forward>[0]) => string | undefined

/** @param source matches `HASH_KEY` */
export function hashKey(source: string): HashKey {
  const [kind, name = ''] = source.split(':', 2)
  switch (kind) {
    case 'address':
      return ({ ip }) => ip
    case 'header': {
      const field = name.toLowerCase()
      return ({ raw }) => raw.headers[field]?.toString()
    }
    case 'cookie':
      return ({ raw }) => cookie(raw.headers.cookie ?? '', name)
    default:
      return ({ raw }) => target(raw)?.path.split('?', 1)[0]
  }
}

/** RFC 6265, 5.4: pairs between semicolons; the first of a name counts. */
function cookie(field: string, name: string): string | undefined {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    if (pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
