/** A foreign upstream: a plain HTTP server that remembers what it was asked. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Upstream {
  url: string
  asked: Asked[]
  server: Server
  close(): Promise<void>
}

/** Checks of `/ready`, and looks for what was revoked, are answered and not remembered. */
export async function startUpstream(answer: (asked: Asked, response: ServerResponse) => void): Promise<Upstream> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    if (request.url === '/ready') return response.end()
    if (request.method === 'GET' && request.url?.startsWith('/revocations?')) return response.writeHead(404).end()
    const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
    asked.push(one)
    return answer(one, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    server,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
