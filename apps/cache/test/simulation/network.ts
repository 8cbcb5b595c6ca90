/** The network between gateways and the cache service: each request is a connection, whose bytes keep their order only within it. */
import { Dispatcher, errors } from 'undici'
import type { Host } from './host.ts'
import type { Timeline } from './timeline.ts'

/** What a connection is for: the first part of its path. */
export type Kind = 'stream' | 'sessions' | 'entries' | 'purge'

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The service's end of a connection. */
export interface Answer {
  head(status: number, headers?: Record<string, string>): void
  write(bytes: Buffer | string): void
  end(): void
  /** Breaks the connection. */
  destroy(): void
  closed: boolean
  onClose: (() => void) | undefined
}

export interface Listener {
  readonly host: Host
  serve(request: Request, answer: Answer): void
}

/** The cache client's, for connecting. */
const CONNECT_MS = 1000
/** undici's own, where a request names none. */
const IDLE_MS = 300_000

export class Network {
  /** Whoever listens at the service's address; nobody: connections are refused. */
  listener: Listener | undefined
  /** Nothing is slow any more. */
  calm = false
  readonly timeline: Timeline
  readonly #connections = new Set<Connection>()
  readonly #blocked = new Map<Host, Set<Kind>>()

  constructor(timeline: Timeline) {
    this.timeline = timeline
  }

  /** Milliseconds on the way: few, now and then many. */
  delay(): number {
    const { random } = this.timeline
    const luck = random()
    if (this.calm || luck < 0.7) return 5 * random()
    return luck < 0.98 ? 300 * random() : 1500 * random()
  }

  /** Nothing of these kinds passes between the gateway and the service for `ms`; then what was held back does. */
  part(gateway: Host, kinds: readonly Kind[], ms: number): void {
    this.#blocked.set(gateway, new Set(kinds))
    this.timeline.at(this.timeline.now + ms, () => {
      this.#blocked.delete(gateway)
      for (const connection of this.#connections) connection.release()
    })
  }

  isParted(gateway: Host, kind: Kind): boolean {
    return this.#blocked.get(gateway)?.has(kind) ?? false
  }

  /** Breaks what is open; an end that is not told finds out by itself, or never. */
  cut(whose: Host | 'all', kinds: readonly Kind[], told: 'both' | 'gateway' | 'service' | 'none'): void {
    for (const connection of [...this.#connections]) {
      if (whose !== 'all' && connection.gateway !== whose) continue
      if (kinds.includes(connection.kind)) connection.cut(told)
    }
  }

  /** The gateway's way to the service. */
  from(gateway: Host): Dispatcher {
    return new Way((options, handler) => {
      const connection = new Connection(this, gateway, options, handler)
      this.#connections.add(connection)
      connection.open(() => this.#connections.delete(connection))
    })
  }
}

class Way extends Dispatcher {
  readonly #open: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => void

  constructor(open: (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => void) {
    super()
    this.#open = open
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#open(options, handler)
    return true
  }

  override destroy(): Promise<void> {
    return Promise.resolve()
  }
}

/** A machine accepts connections, or refuses them, whatever its processes do. */
const kernel: Pick<Host, 'do'> = { do: (act) => act() }

/** One direction. Bytes on the way are in it; what a partition holds back is, too. */
class Pipe {
  readonly #timeline: Timeline
  readonly #delay: () => number
  readonly #isHeld: () => boolean
  #held: (() => void)[] = []
  #last = 0
  #cut = false

  constructor({ timeline }: Network, delay: () => number, isHeld: () => boolean) {
    this.#timeline = timeline
    this.#delay = delay
    this.#isHeld = isHeld
  }

  send(to: Pick<Host, 'do'>, arrive: () => void): void {
    this.#last = Math.max(this.#last, this.#timeline.now + this.#delay())
    const come = () => {
      if (this.#cut) return
      if (this.#isHeld() || this.#held.length > 0) this.#held.push(come)
      else to.do(arrive, this)
    }
    this.#timeline.at(this.#last, come)
  }

  release(): void {
    for (const come of this.#held.splice(0)) this.#timeline.at(this.#timeline.now, come)
  }

  /** What is on the way is lost. */
  cut(): void {
    this.#cut = true
  }
}

class Connection {
  readonly gateway: Host
  readonly kind: Kind
  readonly #network: Network
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler
  readonly #up: Pipe
  readonly #down: Pipe
  /** Who listened when the gateway connected. */
  #service: Host | undefined
  #forget: () => void = () => {}
  /** The gateway's end. */
  #over = false
  #stopTimer: () => void = () => {}

  constructor(
    network: Network,
    gateway: Host,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.gateway = gateway
    this.kind = options.path.split(/[/?]/)[1] as Kind
    this.#network = network
    this.#options = options
    this.#handler = handler
    const delay = () => network.delay()
    const isHeld = () => network.isParted(gateway, this.kind)
    this.#up = new Pipe(network, delay, isHeld)
    this.#down = new Pipe(network, delay, isHeld)
  }

  open(forget: () => void): void {
    this.#forget = forget
    this.#handler.onRequestStart?.(this.#controller, {})
    if (this.#over) return
    this.#limit(CONNECT_MS, () => new errors.ConnectTimeoutError('not connected in time'))
    this.#up.send(kernel, () => this.#connect(this.#network.listener))
  }

  release(): void {
    this.#up.release()
    this.#down.release()
  }

  cut(told: 'both' | 'gateway' | 'service' | 'none'): void {
    this.#up.cut()
    this.#down.cut()
    const reset = (host: Host | undefined, hear: () => void) => {
      if (host) this.#network.timeline.at(this.#network.timeline.now + this.#network.delay(), () => host.do(hear))
    }
    if (told === 'both' || told === 'gateway') reset(this.gateway, () => this.#fail(broken('ECONNRESET')))
    if (told === 'both' || told === 'service') reset(this.#service, () => this.#close())
  }

  readonly #controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders: null,
    rawTrailers: null,
    pause() {},
    resume() {},
    abort: (reason) => this.#leave(reason),
  }

  #connect(listener: Listener | undefined): void {
    if (!listener) {
      this.#toGateway(() => this.#fail(broken('ECONNREFUSED')))
      return
    }
    this.#service = listener.host
    const { path, method, headers, body, headersTimeout } = this.#options
    this.#toGateway(() =>
      this.#limit(headersTimeout ?? IDLE_MS, () => new errors.HeadersTimeoutError('no headers in time')),
    )
    const request = { method, path, headers: (headers ?? {}) as Record<string, string>, body: bytesOf(body) }
    this.#up.send(listener.host, () => listener.serve(request, this.#answer))
  }

  readonly #answer: Answer = {
    closed: false,
    onClose: undefined,
    head: (status, headers = {}) => this.#toGateway(() => this.#start(status, headers)),
    write: (bytes) => {
      const whole = Buffer.from(bytes as Buffer)
      // In two, so that something can come between.
      const middle = Math.floor(whole.length / 2)
      for (const part of [whole.subarray(0, middle), whole.subarray(middle)]) this.#toGateway(() => this.#data(part))
    },
    end: () => {
      this.#toGateway(() => this.#end())
      this.#close()
    },
    destroy: () => {
      this.#toGateway(() => this.#fail(broken('ECONNRESET')))
      this.#close()
    },
  }

  #toGateway(hear: () => void): void {
    this.#down.send(this.gateway, () => {
      if (!this.#over) hear()
    })
  }

  #start(status: number, headers: Record<string, string>): void {
    this.#idle()
    this.#handler.onResponseStart?.(this.#controller, status, headers, '')
  }

  #data(part: Buffer): void {
    this.#idle()
    if (part.length > 0) this.#handler.onResponseData?.(this.#controller, part)
  }

  #end(): void {
    this.#finish()
    this.#handler.onResponseEnd?.(this.#controller, {})
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#finish()
    this.#handler.onResponseError?.(this.#controller, error)
  }

  /** The gateway closes its end. */
  #leave(reason: Error): void {
    if (this.#over) return
    this.#fail(reason)
    if (this.#service) this.#up.send(this.#service, () => this.#close())
    else this.#up.cut()
  }

  #finish(): void {
    this.#over = true
    this.#stopTimer()
    // Where the service's end is open still, it has yet to hear of this.
    if (this.#answer.closed || !this.#service) this.#forget()
  }

  /** The service's end is closed. */
  #close(): void {
    const answer = this.#answer
    if (answer.closed) return
    answer.closed = true
    if (this.#over) this.#forget()
    // Never within the call that closes it.
    queueMicrotask(() => answer.onClose?.())
  }

  #idle(): void {
    this.#limit(this.#options.bodyTimeout ?? IDLE_MS, () => new errors.BodyTimeoutError('no bytes in time'))
  }

  #limit(ms: number, error: () => Error): void {
    this.#stopTimer()
    this.#stopTimer = ms === 0 ? () => {} : this.gateway.after(ms, () => this.#leave(error()))
  }
}

function broken(code: 'ECONNRESET' | 'ECONNREFUSED'): Error {
  return Object.assign(new Error(code), { code })
}

function bytesOf(body: Dispatcher.DispatchOptions['body']): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : ((body ?? Buffer.alloc(0)) as Buffer)
}
