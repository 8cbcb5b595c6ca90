/** What the gateway itself refuses; the rest comes from auth, upstreams, cache-client and service. */
import { problems } from '@spillway/service'

export const gatewayProblems = problems({
  credentials_wrong: [401, 'No account has this name and password'],
  login_limited: [429, 'Too many sign-ins'],
  limit_exceeded: [429, 'Too many requests'],
  sign_in_unavailable: [503, 'Nobody can sign in now'],
  token_unnamed: [409, 'The token has no name to revoke it by'],
  issuer_revokes: [409, 'Only the issuer can revoke these tokens'],
  revocation_failed: [503, 'The token cannot be revoked now'],
  caller_left: [499, 'The caller left before the answer'],
  gateway_shedding: [503, 'This gateway has too much to do'],
  gateway_busy: [503, 'Too many requests are in line here'],
  gateway_queue_timeout: [504, 'The request waited too long in line'],
  fault_injected: [503, 'A fault, injected on purpose'],
  fault_route_unknown: [422, 'No route that asks an upstream has this path and method'],
  upgrade_refused: [403, 'This route takes no WebSocket'],
  cors_refused: [403, 'Pages of this origin may not ask for that'],
  interceptor_failed: [500, 'Something that this route runs has failed'],
  ambiguous_path: [400, 'The path can be read as another one'],
  purge_key_unknown: [422, 'No cached route has this path'],
})

/**
 * For `Retry-After`: 1 to 3 seconds, so that those who were refused together do not come back together.
 *
 * @param chance from 0 to under 1
 */
export function retryAfter(chance: number): string {
  return String(1 + Math.floor(chance * 3))
}
