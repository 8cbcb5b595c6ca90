/**
 * An origin that counts: items with a version, which a PUT raises. An answer takes its time, is always as long, and tells
 * caches how long to keep it, as our db service does.
 */
import http from 'node:http'
import { answerEach } from '../../measuring/channel.ts'
import { bodyOf } from '../items.ts'

export interface OriginPlan {
  readonly port: number
  /** Of an item's body. */
  readonly bytes: number
  /** Milliseconds that an answer takes. */
  readonly latencyMs: number
  /** Of `CDN-Cache-Control`. */
  readonly caching: string
}

export interface OriginCounts {
  /** Reads since the last `begin`. */
  readonly reads: number
  /** Of them, those answered with 304. */
  readonly unchanged: number
  /** Of the item that was read most often. */
  readonly most: number
}

const plan = JSON.parse(process.argv[2] ?? '') as OriginPlan
const versions = new Map<string, number>()
const reads = new Map<string, number>()
let unchanged = 0

const server = http.createServer((request, response) => {
  const item = request.url ?? ''
  if (item === '/ready') return void response.end('ready')
  // Gateways look for what was revoked.
  if (item.startsWith('/revocations?')) return void response.writeHead(404).end()
  const tags = { 'cache-tag': `item:${item}` }
  if (request.method === 'PUT') {
    request.resume()
    const version = (versions.get(item) ?? 1) + 1
    versions.set(item, version)
    return void response.writeHead(200, { ...tags, 'content-type': 'text/plain' }).end(String(version))
  }
  reads.set(item, (reads.get(item) ?? 0) + 1)
  // As it is when it is asked for: what is written while the answer takes its time is not in it.
  const version = versions.get(item) ?? 1
  if (plan.latencyMs > 0) setTimeout(answer, plan.latencyMs)
  else answer()

  function answer(): void {
    const etag = `"${version}"`
    const head = { ...tags, etag, 'cdn-cache-control': plan.caching, 'cache-control': 'private, no-cache' }
    if (request.headers['if-none-match'] === etag) {
      unchanged++
      response.writeHead(304, head).end()
    } else {
      const length = { 'content-type': 'text/plain', 'content-length': plan.bytes }
      response.writeHead(200, { ...head, ...length }).end(bodyOf(version, plan.bytes))
    }
  }
})
server.keepAliveTimeout = 75_000
server.listen(plan.port, '127.0.0.1', 1024)

answerEach({
  begin() {
    reads.clear()
    unchanged = 0
  },
  counts(): OriginCounts {
    const counted = [...reads.values()]
    return {
      reads: counted.reduce((sum, count) => sum + count, 0),
      unchanged,
      most: counted.reduce((most, count) => Math.max(most, count), 0),
    }
  },
})
