/** What the operators' port refuses; the rest comes from service, upstreams and forward. */
import { problemResponse, problems } from '@spillway/service'

export const adminProblems = problems({
  cross_site_refused: [403, 'A web page may not ask this port'],
  upstream_unknown: [404, 'No such upstream'],
  cluster_unknown: [404, 'No such cluster'],
  host_not_named: [421, 'This port is not asked by that name'],
  too_many_listeners: [503, 'Too many listeners'],
})

/** For the description: any route may answer so. */
export const refused = { '4xx': problemResponse('Refused; `code` says why, `detail` what would be taken') }
