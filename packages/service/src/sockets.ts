/** Listening sockets that outlive the process which accepts from them: given by systemd, or kept for a process of ours. */
import { lookup } from 'node:dns/promises'
import { closeSync } from 'node:fs'
import { BoundSocket } from 'node:net'

/** Standard input, output and error come before (`SD_LISTEN_FDS_START`). */
export const FIRST_SOCKET = 3

/** A socket that this process keeps and does not accept from, for those that it starts. */
export interface HeldSocket {
  /** Its file descriptor. */
  fd(): number
  close(): void
}

export interface Address {
  host: string
  port: number
}

/** By its number, IPv4 where a name has both: a service has one listener. */
export async function resolved({ host, port }: Address): Promise<Address> {
  return { host: (await lookup(host, { order: 'ipv4first' })).address, port }
}

/**
 * How many listening sockets this process was given, as file descriptors 3, 4 …: `LISTEN_FDS`, unless `LISTEN_PID` says
 * that another process is meant (sd_listen_fds(3); whoever starts us through Node cannot know our process id).
 *
 * @throws {Error} where that is no number, or more than the `wanted` ones
 */
export function givenSockets(environment: Record<string, string | undefined>, wanted: number): number {
  const { LISTEN_FDS: count, LISTEN_PID: pid } = environment
  if (!count || (pid && pid !== String(process.pid))) return 0
  if (/^\d+$/.test(count) && Number(count) <= wanted) return Number(count)
  throw new Error(
    `LISTEN_FDS is ${count}; it must be a number, of as many sockets as are listened on: ${wanted} at most`,
  )
}

/**
 * The sockets given to this process, and for the rest of `addresses` new ones: bound, but refusing connections until a
 * process that they are passed to listens. From then on connections wait in the kernel while nobody accepts.
 *
 * @throws {Error} where an address cannot be had (`EADDRINUSE`, with its `port`)
 */
export async function holdSockets(
  environment: Record<string, string | undefined>,
  addresses: readonly Address[],
): Promise<readonly HeldSocket[]> {
  const given = givenSockets(environment, addresses.length)
  const held = addresses.slice(0, given).map((_, index) => inherited(FIRST_SOCKET + index))
  const own = addresses.slice(given).map(async (address) => new BoundSocket(await resolved(address)))
  return [...held, ...(await Promise.all(own))]
}

function inherited(fd: number): HeldSocket {
  return { fd: () => fd, close: () => closeSync(fd) }
}
