/** What a request asks for: its path, and the authority it names. */
import type { IncomingMessage } from 'node:http'

export interface Target {
  /** Path and query, as the client wrote them. */
  readonly path: string
  readonly authority: string | undefined
}

/**
 * An absolute-form target is taken apart, its authority replacing `Host` (RFC 9112, 3.2.2). Undefined where it is
 * neither that nor a path: `*`, another scheme, a user name (RFC 9110, 4.2.4).
 */
export function target({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): Target | undefined {
  if (url.charCodeAt(0) === 47) return { path: url, authority: headers.host }
  const [, authority, rest = ''] = /^https?:\/\/([^/?@]+)([/?].*)?$/i.exec(url) ?? []
  return authority === undefined ? undefined : { path: rest.startsWith('/') ? rest : `/${rest}`, authority }
}
