/** Fields that keep browsers and caches from making more of an answer than it is (OWASP, REST Security and HTTP Headers). */
import type { FastifyRequest } from 'fastify'
import type { Config } from './config.ts'
import type { App } from './server.ts'

/** Nothing in an answer of ours is to run, load or be framed; a page of ours (`/docs`) says itself what it needs. */
const POLICY = "default-src 'none'; frame-ancestors 'none'"

/** To be called before the app has routes. What an upstream, or a route, says under one of these names stays. */
export function secure(app: App, { HSTS_MAX_AGE }: Pick<Config, 'HSTS_MAX_AGE'>): void {
  const always = { 'x-content-type-options': 'nosniff' }
  const overTls = { ...always, 'strict-transport-security': `max-age=${HSTS_MAX_AGE}` }
  // Only where the client came over TLS (RFC 6797, 7.2), as a trusted proxy tells.
  const defaults =
    HSTS_MAX_AGE > 0 ? ({ protocol }: FastifyRequest) => (protocol === 'https' ? overTls : always) : () => always
  app.answerDefaults = defaults
  app.addHook('onSend', (request, reply, _payload, done) => {
    const ours = { ...defaults(request), 'content-security-policy': POLICY }
    for (const [name, value] of Object.entries(ours)) if (!reply.hasHeader(name)) reply.header(name, value)
    // Else a cache may keep a 404 or 405 that says nothing of it (RFC 9110, 15.1).
    if (reply.statusCode >= 400 && !reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    done()
  })
}
