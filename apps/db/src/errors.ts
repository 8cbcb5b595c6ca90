/** Every error this service answers beyond what all services do; docs/errors.md says the way out of each. */
import { problems } from '@spillway/service'

export const errors = problems({
  credentials_wrong: [401, 'No account has this name and password'],
  revocation_refused: [403, 'Only administrators revoke other people’s tokens'],
  item_not_found: [404, 'There is no such item'],
  version_mismatch: [412, 'The item is not at the version asked for'],
  item_too_large: [413, 'The item would grow too large'],
  value_unsupported: [422, 'The value cannot be kept exactly'],
  caller_left: [499, 'The caller left before the answer'],
  sign_in_busy: [503, 'Too many people are signing in'],
})
