export { type AuthOptions, auth, requireRole, requireSignedIn } from './auth.ts'
export { type AuthCode, AuthError } from './errors.ts'
export { generateKeys, KeyError, type Keys, parseKeys, readKeys } from './keys.ts'
export { type Identity, TOKEN_LIFETIME_S } from './tokens.ts'
