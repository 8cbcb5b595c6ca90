/** The process that autocannon has to itself: takes what to ask from its parent, and tells what it counted. */
import autocannon from 'autocannon'
import type { Asking, ClientLoad } from '../client.ts'

process.once('message', async ({ url, asked, seconds }: Pick<Asking, 'url' | 'asked' | 'seconds'>) => {
  const result = await autocannon({
    url,
    method: asked.method,
    connections: asked.connections,
    duration: seconds,
    timeout: 10,
    ...(asked.sends > 0 ? { body: 'x'.repeat(asked.sends), headers: { 'content-type': 'text/plain' } } : {}),
    verifyBody: (body) => (body as unknown as string).length === asked.answer.body.length,
  })
  const failures = { 'not 2xx': result.non2xx, 'no answer': result.errors, 'wrong length': result.mismatches }
  const load: ClientLoad = {
    requests: result.requests.total,
    seconds: result.duration,
    bytes: result.throughput.total,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failures: Object.fromEntries(Object.entries(failures).filter(([, count]) => count > 0)),
  }
  process.send?.(load)
  process.disconnect?.()
})
// Where the parent is gone, nobody wants the load.
process.once('disconnect', () => process.exit())
