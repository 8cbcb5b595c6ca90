/** Both ends of the proxy under test, down to the bytes: foreign upstreams and raw clients. */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { onTestFinished } from 'vitest'

/** An upstream that `answer` answers; gone with the test. */
export async function upstream(answer: http.RequestListener): Promise<{ origin: string; server: http.Server }> {
  const server = http.createServer(answer)
  await listening(server)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${portOf(server)}`, server }
}

/** An upstream that speaks no more HTTP than `speak` does. */
export async function rawUpstream(speak: (socket: net.Socket) => void): Promise<{ origin: string }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    speak(socket)
  })
  await listening(server)
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { origin: `http://127.0.0.1:${portOf(server)}` }
}

/** An origin where nobody listens: port 9 (discard) is given to nobody, as one that was free a moment ago may be. */
export const nobody = () => 'http://127.0.0.1:9'

export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port
}

async function listening(server: net.Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

/** A client that sends what it is told and keeps what it gets. */
export class RawClient {
  readonly socket: net.Socket
  received = ''
  error: NodeJS.ErrnoException | undefined
  readonly closed: Promise<void>

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.setEncoding('latin1')
    this.socket.on('data', (chunk) => {
      this.received += chunk
    })
    this.socket.on('end', () => this.socket.end())
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
    onTestFinished(() => void this.socket.destroy())
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves when `text` has come; rejects when the connection ends without it. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      await Promise.race([once(this.socket, 'data'), this.closed])
      if (this.socket.destroyed && !this.received.includes(text))
        throw new Error(`never came: ${text}\n${this.received}`)
    }
    return this.received
  }

  /** Everything until the server closes. */
  async all(): Promise<string> {
    await this.closed
    return this.received
  }
}

export interface Reply {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
  trailers: NodeJS.Dict<string>
  informed: { statusCode: number; headers: http.IncomingHttpHeaders }[]
}

/** One request by Node's own client. */
export async function ask(
  port: number,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<Reply> {
  const { body, ...rest } = options
  const request = http.request({ port, host: '127.0.0.1', agent: false, ...rest })
  const informed: Reply['informed'] = []
  request.on('information', ({ statusCode, headers }) => informed.push({ statusCode, headers }))
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks),
    trailers: response.trailers,
    informed,
  }
}

/** Reads a request to its end. */
export async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
