/** `make stress`: ten connections that never wait, on the routes that keep nothing: the remote upstream and CPU work. */
import autocannon from 'autocannon'
import type { Environment, Settings } from './settings.ts'
import { runningStack } from './stack.ts'

const CONNECTIONS = 10
const USUAL_MS = 30_000

/** Resolves to the exit code: 1 where anything failed. */
export async function stress({ DURATION, STATE_DIR }: Settings, environment: Environment): Promise<number> {
  const { url } = await runningStack(STATE_DIR, environment)
  let failed = 0
  for (const path of ['/', '/stress-test']) {
    const seconds = (DURATION ?? USUAL_MS) / 1000
    const result = await autocannon({ url: url + path, connections: CONNECTIONS, duration: seconds })
    const failures = result.non2xx + result.errors
    failed += failures
    const by = [
      ...Object.entries(result.statusCodeStats ?? {}).filter(([status]) => !status.startsWith('2')),
      ...(result.errors > 0 ? [['no answer', { count: result.errors }] as const] : []),
    ].map(([status, { count }]) => `${status}: ${count}`)
    const lines = [
      ['url', url + path],
      ['requests', `${result.requests.total.toLocaleString('en')} (${Math.round(result.requests.average)} a second)`],
      ['duration', `${result.duration} s, ${CONNECTIONS} connections`],
      ['average', `${result.latency.average} ms, p99 ${result.latency.p99} ms`],
      ['failures', failures === 0 ? '0' : `${failures} (${by.join(', ')})`],
    ]
    process.stdout.write(`${lines.map(([name = '', value]) => `  ${name.padEnd(9)} ${value}`).join('\n')}\n\n`)
  }
  return failed === 0 ? 0 : 1
}
