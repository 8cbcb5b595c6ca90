/**
 * How long a new connection waits until this process takes it. libuv takes one in each turn of the event loop, so where
 * clients come with connections of their own, what is too much waits in the kernel's queue and the loop is never late.
 */
import { connect, type Server, type Socket } from 'node:net'

const EVERY_MS = 100
/** A full queue drops who knocks, whose system knocks again only after a second or three: a probe begun anew knows sooner. */
const GIVE_UP_MS = 1_000
/** A loop that stood still for longer is no queue, and told by its own lateness. */
const STEP_MS = 100

/** Knocks at its own process's door, one probe after the other, and counts the time until that opens. */
export class AcceptWait {
  readonly #server: Server
  readonly #onConnection = (socket: Socket) => this.#accepted(socket)
  #probe: Socket | undefined
  #sinceKnockMs = EVERY_MS
  #lastMs = 0
  /** Whether the system has ever let a probe into the queue: where a firewall keeps it out, its silence says nothing. */
  #works = false

  constructor(server: Server) {
    this.#server = server.on('connection', this.#onConnection)
  }

  close(): void {
    this.#server.off('connection', this.#onConnection)
    this.#probe?.destroy()
    this.#probe = undefined
  }

  /**
   * To be called again and again.
   *
   * @param sinceMs milliseconds since the last time
   * @returns milliseconds: what the last one waited, or the one that still does if that is longer
   */
  look(sinceMs: number): number {
    this.#sinceKnockMs += Math.min(sinceMs, STEP_MS)
    if (this.#probe && this.#sinceKnockMs > GIVE_UP_MS) this.#ended()
    if (!this.#probe && this.#sinceKnockMs >= EVERY_MS) this.#knock()
    return this.#works ? Math.max(this.#lastMs, this.#probe ? this.#sinceKnockMs : 0) : 0
  }

  #knock(): void {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') return
    this.#sinceKnockMs = 0
    // A server at all addresses is at the loopback's, too.
    const host = address.address.replace(/^0\.0\.0\.0$/, '127.0.0.1').replace(/^::$/, '::1')
    const probe = connect({ host, port: address.port })
    this.#probe = probe
      .unref()
      // Before it is accepted: a gateway that starts into a crowd must not wait until one has come through.
      .on('connect', () => {
        this.#works = true
      })
      .on('error', () => {
        // Ours to end, or no server any more: it has not waited.
        if (this.#probe === probe) this.#probe = undefined
      })
  }

  #accepted(socket: Socket): void {
    if (this.#probe === undefined || socket.remotePort !== this.#probe.localPort) return
    this.#works = true
    this.#ended()
    // Without a trace among the connections that the system keeps for a while.
    socket.resetAndDestroy()
  }

  #ended(): void {
    this.#lastMs = this.#sinceKnockMs
    this.#probe?.destroy()
    this.#probe = undefined
  }
}
