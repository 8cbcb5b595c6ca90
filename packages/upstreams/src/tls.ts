/** How https endpoints are spoken to: whom to believe, and who we are. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'

/**
 * Of a cluster's https endpoints. They are verified, whatever the environment says: another authority is given as `ca`.
 * Texts in PEM, not names of files.
 */
export interface TlsSpec {
  /** The authorities whose certificates are believed, one or more, instead of those that Node comes with. */
  readonly ca?: string
  /** Our certificate, for endpoints that ask who we are, with its chain; with `key`. */
  readonly cert?: string
  readonly key?: string
  /**
   * The name that is asked for (SNI) and that the certificate must be for. Default: the endpoint's own; an address is
   * verified as an address and not asked for (RFC 6066, section 3).
   */
  readonly servername?: string
}

/** For Node's `tls.connect`; one for all connections of a cluster. */
export interface Secured {
  readonly secureContext?: SecureContext
  readonly servername?: string
  readonly rejectUnauthorized: true
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** @throws {TypeError} that names the field and what is wrong with it */
export function secured({ ca, cert, key, servername }: TlsSpec): Secured {
  // OpenSSL takes authorities that are none in silence, and then believes nobody.
  if (ca !== undefined) read('tls.ca', () => (ca.match(CERTIFICATE) ?? ['']).map((each) => new X509Certificate(each)))
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(`tls.${key ? 'key' : 'cert'} is set without tls.${key ? 'cert' : 'key'}; set both, or neither`)
  }
  if (servername !== undefined && (isIP(servername) !== 0 || !/^[\w.-]+$/.test(servername))) {
    throw new TypeError(
      `tls.servername is ${servername}; it must be a host name; left out, it is the endpoint's, or an address is verified as one`,
    )
  }
  return {
    ...(ca || cert
      ? { secureContext: read('tls.cert and tls.key', () => createSecureContext({ ca, cert, key })) }
      : {}),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: true,
  }
}

function read<T>(fields: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const detail = (error as Error).message
    throw new TypeError(`${fields} must be PEM texts, not names of files, and fit together: ${detail}`, {
      cause: error,
    })
  }
}
