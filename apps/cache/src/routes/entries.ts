/** Entries: looked up, filled under a lease, and leases given back. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type Decision,
  Digest,
  digest,
  FrameError,
  frame,
  HEADER,
  MAX_FRAME_BYTES,
  openFrame,
  Surrender,
  seal,
} from '@spillway/cache-client'
import { Problem } from '@spillway/service'
import { Type } from 'typebox'
import type { Coherence, Verdict } from '../coherence.ts'
import { errors } from '../errors.ts'
import type { Asker, Decided, Stored } from '../leases.ts'

interface Options {
  coherence: Coherence
  clock: () => number
}

const params = Type.Object({ hash: Digest })
const bearer = Type.Object({ [HEADER.token]: Type.String() })
const OCTETS = 'application/octet-stream'

export const entries: FastifyPluginAsyncTypebox<Options> = async (app, { coherence, clock }) => {
  const framed = ({ sealed, ageMs, at }: Stored) => frame(sealed, ageMs + clock() - at)
  app.addContentTypeParser(OCTETS, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  const lookup = Type.Object({
    [HEADER.session]: Type.String(),
    [HEADER.url]: Digest,
    [HEADER.refresh]: Type.Optional(Type.Number({ minimum: 0 })),
  })
  // No HEAD: it could be granted a lease by an answer that has no body to hold open.
  app.get('/entries/:hash', { schema: { params, headers: lookup }, exposeHeadRoute: false }, (request, reply) => {
    const { hash } = request.params
    const { raw } = reply
    const asker = heldOpen(raw, { session: request.headers[HEADER.session], url: request.headers[HEADER.url] }, framed)
    const verdict = coherence.ask(hash, asker, request.headers[HEADER.refresh])
    if (verdict === 'gone') throw new Problem(errors.session_gone)
    if (verdict.name === 'hit') return reply.headers(told(verdict)).type(OCTETS).send(framed(verdict.entry))
    if (verdict.name === 'pass') return reply.headers(told(verdict)).send('')
    reply.hijack()
    // A caller who closes the connection neither fills nor waits any more; he may have done so before we came to him.
    raw.once('close', () => coherence.leave(hash, asker))
    // Writing to him before that is noticed is no fault.
    raw.on('error', () => {})
    const stale = verdict.name === 'lease' && verdict.stale ? framed(verdict.stale) : undefined
    const staleBytes = stale ? { [HEADER.stale]: String(stale.length) } : {}
    raw.writeHead(200, { ...app.answerHeaders(request), ...told(verdict), ...staleBytes, 'content-type': OCTETS })
    if (stale) raw.write(stale)
    else raw.flushHeaders()
    if (isGone(request.raw)) {
      // 'close' may have been before anybody listened.
      coherence.leave(hash, asker)
      raw.destroy()
    }
    return reply
  })

  app.put(
    '/entries/:hash',
    { bodyLimit: MAX_FRAME_BYTES, schema: { params, headers: bearer, body: Type.Unsafe<Buffer>({}) } },
    (request, reply) => {
      const { hash } = request.params
      // Fastify has read the body whole: this is the last byte.
      const entry = opened(request.body, hash, clock())
      if (!coherence.fill(hash, request.headers[HEADER.token], entry)) throw new Problem(errors.lease_void)
      return reply.code(204).send()
    },
  )

  app.delete('/entries/:hash', { schema: { params, headers: bearer, querystring: Surrender } }, (request, reply) => {
    const left = coherence.surrender(request.params.hash, request.headers[HEADER.token], request.query)
    if (left === 'awaited') throw new Problem(errors.fill_awaited)
    return reply.code(204).send()
  })
}

function told(verdict: Verdict): Record<string, string> {
  const seq = { [HEADER.verdict]: verdict.name, [HEADER.seq]: String(verdict.seq) }
  return verdict.name === 'lease' ? { ...seq, [HEADER.token]: verdict.token } : seq
}

/** One whose answer stays open: a wait is told its outcome in it, a lease ends with it. */
function heldOpen(
  raw: ServerResponse,
  who: { session: string; url: string },
  framed: (entry: Stored) => Buffer,
): Asker {
  return {
    ...who,
    tell(decided: Decided) {
      const entry = enclosed(decided)
      const frame = entry ? framed(entry) : Buffer.alloc(0)
      raw.write(`${JSON.stringify(lineOf(decided, frame.length))}\n`)
      if (decided.outcome === 'lease') raw.write(frame)
      else raw.end(frame)
    },
    end: () => void raw.end(),
  }
}

/** The entry that follows a decision's line. */
function enclosed(decided: Decided): Stored | undefined {
  if (decided.outcome === 'filled') return decided.entry
  return decided.outcome === 'pass' ? undefined : decided.stale
}

function lineOf(decided: Decided, bytes: number): Decision {
  const { outcome, seq } = decided
  if (outcome === 'lease') return { outcome, seq, token: decided.token, ...(bytes > 0 ? { stale: bytes } : {}) }
  if (outcome !== 'failed') return { outcome, seq }
  const { status, error } = decided
  return { outcome, seq, status, error, ...(bytes > 0 ? { stale: true } : {}) }
}

function isGone({ socket }: IncomingMessage): boolean {
  return socket.destroyed || socket.readableEnded
}

/** @throws {Problem} for bytes that are no frame, or another key's */
function opened(body: unknown, hash: string, at: number): Stored {
  try {
    const entry = openFrame(Buffer.isBuffer(body) ? body : Buffer.alloc(0), at)
    if (digest(entry.key) !== hash) throw new FrameError('the path is not the digest of the key')
    return { sealed: seal(entry), ageMs: entry.ageMs, at }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    throw new Problem(errors.entry_malformed, { detail: error.message, cause: error })
  }
}
