/** Every error this service answers beyond what all services do; docs/errors.md says the way out of each. */
import { problems } from '@spillway/service'

export const errors = problems({
  caller_left: [499, 'The caller left before the answer'],
  microservice_busy: [503, 'Too many computations wait already'],
  microservice_timeout: [504, 'The answer was not computed in time'],
})
