/** What bounds a request to upstreams: the design's numbers, in one place. Milliseconds unless the name says otherwise. */
export const limits = {
  /** How long a request waits for a place, at most (HAProxy's `timeout queue`, by default what connecting may take). */
  queue: 5_000,
  connect: 5_000,
  /** From the request's end to the answer's headers; `Prefer: wait=N` adds N seconds. */
  answer: 15_000,
  /** Between two bytes of a body, either way. */
  idle: 60_000,
  /** The same for server-sent events and for upgraded connections. */
  streamIdle: 300_000,
  /** How long an idle connection is kept where the server gives no `Keep-Alive` hint; Node's servers close after 5 s. */
  keepAlive: 4_000,
  /** Taken off the server's hint, so that nobody writes into a closing socket. */
  keepAliveMargin: 2_000,
} as const
