/** What becomes of fields between a client and a route's upstream. */
import type { ForwardOptions } from '@spillway/forward'
import { UNSHARED_FIELDS } from './cors.ts'
import type { Route } from './routes-file/read.ts'

/** Upstreams would do for whoever may GET what only others may: who may do what is decided by the method. */
const METHOD_OVERRIDES = ['x-http-method', 'x-http-method-override', 'x-method-override']

export function fieldChanges({
  headers: { request, response } = {},
  cors,
}: Route): NonNullable<ForwardOptions['headers']> {
  return {
    request: { ...request, remove: [...(request?.remove ?? []), ...METHOD_OVERRIDES] },
    response: { ...response, remove: [...(response?.remove ?? []), ...(cors ? UNSHARED_FIELDS : [])] },
  }
}
