/** Cuts bodies that come too slowly, where they are read whole before anything is done; for streams, whoever streams does. */
import { Readable } from 'node:stream'
import { hasBody } from '@spillway/intake'
import type { FastifyInstance, FastifyRequest, preParsingHookHandler, preValidationHookHandler } from 'fastify'
import { common, Problem } from './problem.ts'

/** As Apache's mod_reqtimeout: so long in any case, and longer for what comes at such a rate. */
const GRACE_MS = 20_000
const BYTES_PER_SECOND = 500

/** For the routes that are added from now on. */
export function boundBodies(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if ([route.method].flat().every((method) => WITHOUT_BODY.has(method))) return
    route.preParsing = [begin, ...[route.preParsing ?? []].flat()]
    route.preValidation = [end, ...[route.preValidation ?? []].flat()]
  })
}

const WITHOUT_BODY = new Set(['GET', 'HEAD'])
/** Of requests whose body is being read. */
const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>()

/** Between this hook and the next Fastify reads the body, where it does. */
const begin: preParsingHookHandler = (request, reply, payload, done) => {
  if (!hasBody(request.raw)) {
    // Its own stream never ends (`optimizeEmptyRequests`), and Fastify reads it where a type is named.
    done(null, request.headers['content-type'] === undefined ? payload : Readable.from([]))
    return
  }
  const { socket } = request.raw
  const before = socket.bytesRead
  const wait = (from: number, until: number) => {
    const late = () => {
      const allowed = GRACE_MS + ((socket.bytesRead - before) * 1000) / BYTES_PER_SECOND
      if (allowed > until) wait(until, allowed)
      // Fastify, which listens while it reads, answers and closes.
      else if (payload.listenerCount('error') > 0) payload.emit('error', new Problem(common.request_timeout))
    }
    timers.set(request, setTimeout(late, until - from))
  }
  wait(0, GRACE_MS)
  reply.raw.once('close', () => clearTimeout(timers.get(request)))
  done(null, payload)
}

const end: preValidationHookHandler = (request, _reply, done) => {
  clearTimeout(timers.get(request))
  done()
}
