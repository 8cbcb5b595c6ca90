/** What a caller is told where PostgreSQL was not asked or did not answer; docs/errors.md says the way out of each. */
import { problems } from '@spillway/service'

export const errors = problems({
  caller_left: [499, 'The caller left before the answer'],
  database_busy: [503, 'Too many requests wait for the database'],
  database_unavailable: [503, 'The database cannot be reached'],
  database_timeout: [504, 'The database did not answer in time'],
})
