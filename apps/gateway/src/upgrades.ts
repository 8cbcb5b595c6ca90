/** Which routes take WebSockets: a tunnel is past all that a gateway knows of requests, so it has to be wanted. */
import { isDetached } from '@spillway/forward'
import { Problem } from '@spillway/service'
import type { onRequestHookHandler } from 'fastify'
import { gatewayProblems } from './errors.ts'
import type { Route } from './routes-file/read.ts'

/** For `onRequest`, behind what asks for a token. Undefined where there is nothing to refuse. */
export function refuseUpgrades({ mount, websocket = mount !== undefined }: Route): onRequestHookHandler | undefined {
  if (websocket) return undefined
  return (request, _reply, done) => {
    if (isDetached(request.raw)) done(new Problem(gatewayProblems.upgrade_refused))
    else done()
  }
}
