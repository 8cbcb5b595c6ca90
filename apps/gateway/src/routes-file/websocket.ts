/** Whether a route takes WebSockets, as `websocket` says. */
import { type Mistake, mistake, type Path } from '@spillway/service'
import { Type } from 'typebox'
import type { RouteSource } from './schema.ts'

export const WebSocketAllowed = Type.Boolean({ wants: 'true or false' })

export function webSocketMistakes({ websocket, methods }: Partial<RouteSource>, at: Path): Mistake[] {
  if (!websocket || methods === undefined || methods.includes('GET')) return []
  return [mistake([...at, 'websocket'], 'is true, but the route does not take GET, with which a WebSocket begins')]
}
