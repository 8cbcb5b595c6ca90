/** Two sockets as one after an upgrade: bytes both ways, each end's end passed to the other. */
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Answers the client's upgrade with `status` and `head`, then joins its connection to `upstream`. */
export function tunnel(response: ServerResponse, status: number, head: string[], upstream: Duplex): void {
  const client = response.socket
  if (client === null) {
    upstream.destroy()
    return
  }
  response.writeHead(status, head)
  response.end()
  // The client's is half-open already, as every socket of an HTTP server.
  upstream.allowHalfOpen = true
  // pipe() passes an orderly end on and leaves the other direction open; a loss has to be told.
  client.pipe(upstream).pipe(client)
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.destroySoon())
  upstream.on('error', () => client.destroy())
}
