/** Who may call a route, as the route itself says: `config: { auth: 'editor' }`. */
import { AuthError } from './errors.ts'
import type { Identity } from './tokens.ts'

/**
 * `public` is anybody, `signed-in` whoever brings a token, any other word a role. `owner` is a parameter of the path that
 * must be the token's subject, to the letter; where a role stands beside it, either will do.
 */
export type Access =
  | 'public'
  | 'signed-in'
  | (string & {})
  | { readonly role: string; readonly owner?: undefined }
  | { readonly owner: string; readonly role?: string }

/** Throws where this identity may not pass. */
export type Check = (identity: Identity, params: unknown) => void

const ROLE = /^[a-z][a-z0-9_-]{0,31}$/
const PARAMETER = /(?<!:):(\w+)/g
const WANTED = "'public', 'signed-in', a role such as 'editor', { owner: 'id' } or { owner: 'id', role: 'admin' }"

/**
 * Reads what a route says.
 * @param path the route's, as Fastify has it
 * @throws {TypeError} that says what would be right
 */
export function accessOf(auth: unknown, path: string): Access {
  if (auth === undefined) throw new TypeError(`lacks config.auth, so that nobody knows who may call it; say ${WANTED}`)
  const { owner, role, ...others } = partsOf(auth)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(auth, `knows owner and role, not ${unknown}`)
  if (owner === undefined && role === undefined) throw wrong(auth, `must be ${WANTED}`)
  if (role !== undefined && !(typeof role === 'string' && ROLE.test(role))) {
    throw wrong(auth, `must name a role of lower-case letters, digits, _ and -`)
  }
  const names = [...path.matchAll(PARAMETER)].map(([, name]) => name)
  if (owner !== undefined && !names.includes(owner as string)) {
    const known = names.length > 0 ? `which has ${names.join(', ')}` : 'which has none'
    throw wrong(auth, `must have a parameter of the path as owner, ${known}`)
  }
  return auth as Access
}

/** @returns undefined where anybody may pass */
export function checkOf(access: Access): Check | undefined {
  if (access === 'public') return undefined
  if (access === 'signed-in') return () => {}
  const { owner, role } = partsOf(access) as { owner?: string; role?: string }
  return ({ subject, roles }, params) => {
    if (role !== undefined && roles.includes(role)) return
    if (owner === undefined) throw new AuthError('role', `this needs the role ${role}`)
    // As the router has it: decoded once.
    if ((params as Record<string, unknown>)[owner] === subject) return
    throw new AuthError('owner', `this needs its owner${role === undefined ? '' : ` or the role ${role}`}`)
  }
}

function partsOf(auth: unknown): Record<string, unknown> {
  return typeof auth === 'object' && auth !== null ? { ...auth } : { role: auth }
}

function wrong(auth: unknown, message: string): TypeError {
  return new TypeError(`has config.auth ${JSON.stringify(auth)}, which ${message}`)
}
