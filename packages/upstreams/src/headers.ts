/** The two headers that change how long an answer may take. */
import type { Dispatcher } from 'undici'

type Headers = Dispatcher.DispatchOptions['headers']

/** Milliseconds that `Prefer: wait=N` (RFC 7240, section 4.3) adds to what an answer may take; 0 without it. */
export function preferredWait(headers: Headers): number {
  const prefer = headerOf(headers, 'prefer')
  const seconds = prefer && /(?:^|[,;\s])wait=(\d+)/i.exec(prefer)?.[1]
  return seconds ? Number(seconds) * 1000 : 0
}

/** The first value of a header of a request, as undici takes them: a record with names in lower case, or names and values in turn. */
function headerOf(headers: Headers, name: string): string | undefined {
  if (!headers) return undefined
  if (!Array.isArray(headers)) {
    const value = (headers as Record<string, string | string[] | undefined>)[name]
    return Array.isArray(value) ? value[0] : value
  }
  for (let at = 0; at < headers.length; at += 2) {
    const key = headers[at] as string
    if (key.length === name.length && key.toLowerCase() === name) return String(headers[at + 1])
  }
  return undefined
}

/** Whether an answer is a stream of server-sent events. */
export function isEventStream(type: string | string[] | undefined): boolean {
  return typeof type === 'string' && type.startsWith('text/event-stream')
}
