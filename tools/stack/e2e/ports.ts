/** Ports that nobody has, so that stacks of tests get in nobody's way. */
import { once } from 'node:events'
import net from 'node:net'

/** Those a stack of the usual size has, before the offset. */
export const PORTS = [5000, 5001, 5002, 5003, 5004, 5005, 5006, 5010, 5432, 8000, 8001]

export async function listen(port: number): Promise<net.Server> {
  const server = net.createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

export async function freePort(): Promise<number> {
  const server = await listen(0)
  const { port } = server.address() as net.AddressInfo
  server.close()
  return port
}

export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port).catch(() => undefined)
  server?.close()
  return server !== undefined
}

export async function freeOffset(): Promise<number> {
  for (;;) {
    // Below 32,768: from there on Linux gives ports to outgoing connections, and one of those could be in the way.
    const offset = 10_000 + 10 * Math.floor(Math.random() * 1400)
    if ((await Promise.all(PORTS.map((port) => isFree(port + offset)))).every(Boolean)) return offset
  }
}
