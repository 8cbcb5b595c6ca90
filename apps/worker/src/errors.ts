/** Every error this service answers beyond what all services do; docs/errors.md says the way out of each. */
import { problems } from '@spillway/service'

export const errors = problems({
  job_not_found: [404, 'There is no such job'],
  job_finished: [409, 'The job has ended already'],
  idempotency_key_reused: [422, 'The idempotency key belongs to another request'],
})
