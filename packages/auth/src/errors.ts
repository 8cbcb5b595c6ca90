/** The refusals of this package, each with the challenge RFC 6750 wants beside it. */

const KINDS = {
  missing: { code: 'token_missing', status: 401, title: 'Sign in first', challenge: '' },
  malformed: { code: 'token_malformed', status: 401, title: 'No usable token', challenge: 'invalid_token' },
  expired: { code: 'token_expired', status: 401, title: 'The token has expired', challenge: 'invalid_token' },
  invalid: { code: 'token_invalid', status: 401, title: 'The token is not valid', challenge: 'invalid_token' },
  revoked: { code: 'token_revoked', status: 401, title: 'The token was revoked', challenge: 'invalid_token' },
  role: { code: 'role_missing', status: 403, title: 'Your roles do not allow this', challenge: 'insufficient_scope' },
  owner: { code: 'owner_only', status: 403, title: 'This belongs to somebody else', challenge: 'insufficient_scope' },
} as const

export type AuthCode = (typeof KINDS)[keyof typeof KINDS]['code']

/** What a request without the right identity is refused with. `headers` holds `www-authenticate` (RFC 6750, 3). */
export class AuthError extends Error {
  override name = 'AuthError'
  readonly code: AuthCode
  readonly statusCode: number
  readonly title: string
  readonly headers: Readonly<Record<string, string>>

  constructor(kind: keyof typeof KINDS, detail: string, cause?: unknown) {
    super(detail, { cause })
    const { code, status, title, challenge } = KINDS[kind]
    this.code = code
    this.statusCode = status
    this.title = title
    // A request that brought no token at all is told only how to authenticate, with no error code (RFC 6750, 3.1).
    const error = challenge === '' ? '' : `, error="${challenge}", error_description="${title}"`
    this.headers = { 'www-authenticate': `Bearer realm="spillway"${error}` }
  }
}
