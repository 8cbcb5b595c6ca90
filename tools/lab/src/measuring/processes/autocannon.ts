/** The process that autocannon has to itself: takes what to ask from its parent, and tells what it counted. */
import autocannon from 'autocannon'
import { answerOnce } from '../channel.ts'
import type { Asking, ClientLoad } from '../client.ts'

answerOnce(async ({ url, asked, seconds }: Pick<Asking, 'url' | 'asked' | 'seconds'>): Promise<ClientLoad> => {
  const { answer, numbered } = asked
  let next = 0
  const setupRequest = (request: autocannon.Request) =>
    numbered ? { ...request, path: `${answer.path}${numbered.first + (next++ % numbered.count)}` } : request
  const result = await autocannon({
    url,
    method: asked.method,
    connections: asked.connections,
    duration: seconds,
    timeout: 10,
    headers: { ...asked.headers, ...(asked.sends > 0 ? { 'content-type': 'text/plain' } : {}) },
    ...(asked.sends > 0 ? { body: 'x'.repeat(asked.sends) } : {}),
    ...(numbered ? { requests: [{ setupRequest }] } : {}),
    verifyBody: (body) => (body as unknown as string).length === answer.body.length,
  })
  const failures = { 'not 2xx': result.non2xx, 'no answer': result.errors, 'wrong length': result.mismatches }
  return {
    requests: result.requests.total,
    seconds: result.duration,
    bytes: result.throughput.total,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failures: Object.fromEntries(Object.entries(failures).filter(([, count]) => count > 0)),
  }
})
