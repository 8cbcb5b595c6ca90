/** The head of an answer as the client gets it: the upstream's end-to-end fields, and what this hop adds. */
import type { Exchange } from '@spillway/upstreams'
import type { FastifyRequest } from 'fastify'
import { appended, type Hop, namedByConnection } from './hop.ts'
import type { Served } from './options.ts'

/** What `onResponseStart` gives: names in lower case, a repeated field as a list. */
export type AnswerFields = Record<string, string | string[] | undefined>

/** Names and values in turn. `elapsed`: milliseconds since this hop took the request. */
export function answerHead(
  hop: Hop,
  request: FastifyRequest,
  exchange: Exchange,
  status: number,
  fields: AnswerFields,
  elapsed: number,
): string[] {
  // A 204 says nothing of a length (RFC 9110, 8.6).
  const head = endToEnd(hop, status === 204 ? { ...fields, 'content-length': undefined } : fields)
  if (hop.answerSet.length > 0) head.push(...hop.answerSet)
  const { server } = request as unknown as Served
  const defaults = server.answerDefaults?.(request)
  for (const name in defaults)
    if (!(name in fields || hop.answerEnds.has(name))) head.push(name, defaults[name] as string)
  const own = server.answerHeaders?.(request) ?? ownFields(hop, request)
  own['x-served-by'] = servedBy(hop, own['x-served-by'], fields)
  if (status === 101) Object.assign(own, { connection: 'upgrade', upgrade: fields['upgrade'] })
  for (const name in own) if (own[name]) head.push(name, own[name])
  head.push('via', appended(fields['via'], hop.via))
  head.push('server-timing', serverTiming(hop, exchange, fields['server-timing'], elapsed))
  const cached = cacheStatusOf(hop, exchange, fields['cache-status'])
  if (cached !== undefined) head.push('cache-status', cached)
  const proxyStatus = proxyStatusOf(hop, exchange, status, fields['proxy-status'])
  if (proxyStatus !== undefined) head.push('proxy-status', proxyStatus)
  return head
}

/** Where the server has none of its own. */
function ownFields({ name }: Hop, { id }: FastifyRequest): Record<string, string | undefined> {
  return { 'x-request-id': id, 'x-served-by': name }
}

/** From the origin's side to this hop's (RFC 9211, 2). */
function cacheStatusOf(
  hop: Hop,
  { cacheStatus, cacheStatusBehind }: Exchange,
  upstream: string | string[] | undefined,
): string | undefined {
  if (cacheStatus === undefined) return upstream === undefined ? undefined : String(upstream)
  const own = `${hop.name}; ${cacheStatus}`
  return appended(upstream, cacheStatusBehind === undefined ? own : `${cacheStatusBehind}, ${own}`)
}

/** What went wrong here; else that it went wrong behind us, so that whoever is before us does not blame us (RFC 9209). */
function proxyStatusOf(
  hop: Hop,
  { error }: Exchange,
  status: number,
  upstream: string | string[] | undefined,
): string | undefined {
  if (error !== undefined) return appended(upstream, `${hop.name}; error=${error}`)
  if (upstream === undefined && status >= 500) return `${hop.name}; received-status=${status}`
  return upstream === undefined ? undefined : String(upstream)
}

/** The fields that go on to the client, names and values in turn. */
export function endToEnd(hop: Hop, fields: AnswerFields): string[] {
  const named = namedByConnection(fields['connection'])
  const head: string[] = []
  for (const name in fields) {
    if (hop.answerEnds.has(name) || named?.includes(name)) continue
    const value = fields[name]
    if (typeof value === 'string') head.push(name, value)
    else for (const line of value ?? []) head.push(name, line)
  }
  return head
}

/** This hop, then what the upstream says of itself. Where one is that says nothing is no client's business. */
function servedBy(hop: Hop, own: string | undefined, fields: AnswerFields): string {
  const behind = fields['x-served-by'] ?? ''
  if (!hop.namesItself || own === undefined) return String(behind)
  return behind === '' ? own : `${own}, ${behind}`
}

function serverTiming(
  hop: Hop,
  { timings }: Exchange,
  upstream: string | string[] | undefined,
  elapsed: number,
): string {
  let entries = upstream === undefined ? '' : `${upstream}, `
  for (const { name, ms, description } of timings) {
    // How long the upstream took is said by itself, where it says anything.
    if (upstream !== undefined && name === 'upstream') continue
    entries += `${name};dur=${inTenths(ms)}${description === undefined ? '' : `;desc=${JSON.stringify(description)}`}, `
  }
  return `${entries}${hop.name};dur=${inTenths(elapsed)}`
}

/** `ms.toFixed(1)` of a time, at half its cost. */
function inTenths(ms: number): string {
  const tenths = Math.round(ms * 10)
  return `${Math.floor(tenths / 10)}.${tenths % 10}`
}
