/** Keeps web pages from using an operator's browser against this port: by DNS rebinding, or by requests across sites. */
import { isIP } from 'node:net'
import { commonProblems, Problem } from '@spillway/service'
import type { FastifyRequest } from 'fastify'
import { adminProblems } from './errors.ts'

const READS = ['GET', 'HEAD', 'OPTIONS']

/**
 * To be called of each request before anything is done for it: why it is refused, or undefined.
 *
 * A page that rebinds its own name to this port's address cannot change `Host`, and no page has an address or
 * `localhost` for its name. From elsewhere a page can have forms, images and scripts ask; scripts' requests say `Origin`,
 * all of them `Sec-Fetch-Site` (Fetch Metadata) where the browser is new and trusts the address, and none may have
 * `application/json` as its type before we allowed it, which we never do (no CORS). A link may be followed.
 * @param names in lower case, by which this port may be asked beside `localhost` and addresses
 */
export function refusal(request: FastifyRequest, names: readonly string[]): Problem | undefined {
  const { host = '', origin, 'sec-fetch-site': site = 'none', 'sec-fetch-dest': destination } = request.headers
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  if (name !== 'localhost' && isIP(name) === 0 && !names.includes(name)) {
    const detail = `Host is ${JSON.stringify(host)}; it must be an address, localhost or a name that ADMIN_HOSTS lists`
    return new Problem(adminProblems.host_not_named, { detail })
  }
  const reads = READS.includes(request.method)
  const fromPage = origin !== undefined || site === 'cross-site' || site === 'same-site'
  if (fromPage && !(reads && destination === 'document')) {
    const detail = 'the request has Origin, or Sec-Fetch-Site says that a page of another origin sends it; use curl'
    return new Problem(adminProblems.cross_site_refused, { detail })
  }
  if (reads || request.mediaType === 'application/json') return undefined
  const given = JSON.stringify(request.headers['content-type'] ?? 'no content-type')
  const detail = `${given} is not taken here; send application/json, also where there is no body`
  return new Problem(commonProblems.unsupported_media_type, { detail })
}
