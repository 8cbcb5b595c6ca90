/** Which port each service gets: fixed ones, ranges for replicas, none that a browser's fetch would refuse. */
import net from 'node:net'
import { type Role, StackError } from './state.ts'

/** The fetch standard's "port blocking" list, from 1,024 on; lower ones are never ours. */
const BLOCKED = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
])

const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** What has a port: each role, and the balancer's second listener. */
export type Slot = Role | 'admin'

/** In order of preference. Where there is one port only, nobody else's will do. */
const PREFERRED: Record<Slot, readonly number[]> = {
  balancer: [8000],
  admin: [8001],
  cache: [5004],
  db: [5002],
  microservice: [5001, 5010, ...span(5200, 5299)],
  worker: [5005, 5015, ...span(5300, 5399)],
  gateway: [5000, 5003, ...span(5006, 5009), ...span(5100, 5199)],
  postgres: span(5432, 5531),
}

/** Of which there may be several. */
const REPLICATED: ReadonlySet<Slot> = new Set(['gateway', 'microservice', 'worker'])

/** A port that cannot be had; the message says who has it, where that can be seen, and the way out. */
export class PortError extends StackError {
  override name = 'PortError'
}

/** A port, and why it is not the first of its range, if it is not. */
export interface Allotment {
  port: number
  note?: string
}

export interface PortsOptions {
  /** Added to every port. */
  offset: number
  /** Whether a replica may not move to another port. */
  strict: boolean
  isFree?: (port: number) => Promise<boolean>
  /** Who listens on a port, as people would name it; undefined where it cannot be seen. */
  holder: (port: number) => Promise<string | undefined>
}

/** Gives out each port once. */
export class Ports {
  readonly #options: Required<PortsOptions>
  readonly #given = new Set<number>()

  constructor(options: PortsOptions) {
    this.#options = { isFree, ...options }
  }

  /** The next port for this slot. @throws {PortError} when there is none. */
  async next(name: string, slot: Slot): Promise<Allotment> {
    const wanted = PREFERRED[slot].map((port) => port + this.#options.offset)
    const range = wanted.filter(isUsable)
    if (range.length === 0) {
      throw new PortError(
        `port ${wanted[0]}, which ${name} would have, is blocked by the fetch standard; choose another PORT_OFFSET.`,
      )
    }
    const busy: string[] = []
    for (const port of range) {
      if (this.#given.has(port)) continue
      this.#given.add(port)
      if (await this.#options.isFree(port)) {
        return busy.length > 0 ? { port, note: `${name} is at ${port}: ${busy.join(', ')}` } : { port }
      }
      const taken = await this.#taken(port)
      if (wanted.length === 1) {
        throw new PortError(`${taken}, which ${name} needs. Free it, or move the whole stack with PORT_OFFSET=10000.`)
      }
      // PostgreSQL is no replica, but "the next free one" is its rule as well; being strict is about the replicas.
      if (this.#options.strict && REPLICATED.has(slot)) {
        throw new PortError(
          `${taken}, which ${name} was to have. Free it, move the whole stack with PORT_OFFSET=10000, or leave STRICT_PORTS out to take the next one.`,
        )
      }
      busy.push(taken)
    }
    throw new PortError(
      `there is no free port for ${name} from ${range[0]} to ${range.at(-1)}; move the whole stack with PORT_OFFSET=10000.`,
    )
  }

  async #taken(port: number): Promise<string> {
    const holder = await this.#options.holder(port)
    return `port ${port} is in use${holder ? ` by ${holder}` : ''}`
  }
}

const isUsable = (port: number) => port <= 65_535 && !BLOCKED.has(port)

/** The port that the first service of this role has, if nothing was in its way. */
export function firstPort(role: Role, offset: number): number {
  const wanted = PREFERRED[role].map((port) => port + offset)
  return wanted.find(isUsable) ?? (wanted[0] as number)
}

/**
 * Whether we could listen there and nobody would answer in our stead: macOS lets 127.0.0.1 be bound beside a wildcard,
 * and `localhost` may mean ::1.
 */
export async function isFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    if (!(await canListen(port, host))) return false
  }
  return true
}

function canListen(port: number, host: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = net.createServer()
  // No IPv6 here: then nobody can be in the way there.
  server.once('error', ({ code }: NodeJS.ErrnoException) =>
    resolve(code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'),
  )
  server.listen({ port, host }, () => server.close(() => resolve(true)))
  return promise
}
