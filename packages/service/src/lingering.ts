/** Ends a connection whose request's body nobody reads, so that the answer still arrives. */
import type { IncomingMessage } from 'node:http'

/** Enough for a client to see the answer; what it sends meanwhile is read away. */
const LINGER_MS = 2_000

/**
 * To be called before the answer, which says `Connection: close`. Closed at once with bytes unread, the connection would be
 * reset, and a client that is still sending might lose the answer (RFC 9112, 9.6): we end our side, and go when the client
 * has, or its body is over, or the time.
 */
export function closeLingering(raw: IncomingMessage): void {
  const { socket } = raw
  // How Node closes a connection behind its last answer.
  socket.destroySoon = () => {
    const leave = () => void socket.destroy()
    const late = setTimeout(leave, LINGER_MS)
    socket.once('close', () => clearTimeout(late))
    raw.once('close', leave)
    socket.end()
  }
}
