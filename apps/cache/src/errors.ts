/** What the cache service refuses; docs/errors.md has the same codes. */
import { problems } from '@spillway/service'

export const errors = problems({
  session_gone: [410, 'The session is no more'],
  lease_void: [409, 'The lease does not stand any more'],
  fill_awaited: [409, 'Others wait for this fill'],
  entry_malformed: [400, 'The entry is not what was sent'],
})
