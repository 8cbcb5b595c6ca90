/** One request as its writer means it: past fetch, which would mend the path, follow redirects and refuse fields. */
import { once } from 'node:events'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Asked {
  status: number
  headers: IncomingMessage['headers']
  /** Names and values in turn. */
  rawHeaders: string[]
  text: string
  /** A problem's. */
  code: string | undefined
  /** Whether it came out of the cache. */
  hit: boolean
}

export async function ask(
  url: string,
  path: string,
  { body, ...how }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Asked> {
  const sent = request(new URL(url), { ...how, path })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const received = await text(answer)
  const problem = answer.headers['content-type']?.startsWith('application/problem+json') && received !== ''
  return {
    status: answer.statusCode as number,
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    text: received,
    code: problem ? JSON.parse(received).code : undefined,
    hit: /; hit/.test(String(answer.headers['cache-status'])),
  }
}
