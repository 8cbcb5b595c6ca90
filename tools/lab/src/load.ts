/** `make load`: a number of requests by a number of clients on the stack that is up, and what became of them. */
import { Pool } from 'undici'
import { percentile } from './measuring/spread.ts'
import type { Environment, Settings } from './settings.ts'
import { runningStack } from './stack.ts'

const ANSWER_WITHIN_MS = 30_000
/** Sample items that every demo stack has. */
const KEYS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu']

interface Outcome {
  /** Milliseconds, of every request. */
  times: Float64Array
  /** How many failed with each status, or each error's code. */
  failures: Map<string, number>
  seconds: number
}

/** Resolves to the exit code: 1 where anything failed. */
export async function load({ CLIENTS, REQUESTS, STATE_DIR }: Settings, environment: Environment): Promise<number> {
  const stack = await runningStack(STATE_DIR, environment)
  const token = await stack.ask('token')
  const clients = Math.min(CLIENTS, REQUESTS)
  const { times, failures, seconds } = await ask(stack.url, token, clients, REQUESTS)
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0)
  const average = times.reduce((sum, ms) => sum + ms, 0) / REQUESTS
  const p95 = percentile(times.toSorted(), 0.95)
  const by = [...failures].map(([status, count]) => `${status}: ${count.toLocaleString('en')}`).join(', ')
  const lines = [
    ['requests', `${REQUESTS.toLocaleString('en')} by ${clients} clients, half /data/{key} and half /process`],
    ['success', (REQUESTS - failed).toLocaleString('en')],
    ['failures', failed === 0 ? '0' : `${failed.toLocaleString('en')} (${by})`],
    ['average', `${average.toFixed(1)} ms`],
    ['p95', `${p95.toFixed(1)} ms`],
    ['rate', `${Math.round(REQUESTS / seconds).toLocaleString('en')} requests a second`],
  ]
  process.stdout.write(`${lines.map(([name = '', value]) => `  ${name.padEnd(9)} ${value}`).join('\n')}\n`)
  return failed === 0 ? 0 : 1
}

/** Each client asks again as soon as it is answered, until all requests are made. */
async function ask(url: string, token: string, clients: number, requests: number): Promise<Outcome> {
  const pool = new Pool(url, { connections: clients, headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS })
  const headers = { authorization: `Bearer ${token}` }
  const outcome = { times: new Float64Array(requests), failures: new Map<string, number>() }
  let next = 0
  const client = async () => {
    while (next < requests) {
      const index = next++
      const key = KEYS[(index >> 1) % KEYS.length]
      const path = index % 2 === 0 ? `/data/${key}` : `/process?key=${key}`
      const began = performance.now()
      const failure = await failureOf(pool, path, headers)
      outcome.times[index] = performance.now() - began
      if (failure !== undefined) outcome.failures.set(failure, (outcome.failures.get(failure) ?? 0) + 1)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - began) / 1000
  await pool.close()
  return { ...outcome, seconds }
}

/** The status of an answer that is no success, or the code of the error that came instead. */
async function failureOf(pool: Pool, path: string, headers: Record<string, string>): Promise<string | undefined> {
  try {
    const { statusCode, body } = await pool.request({ method: 'GET', path, headers })
    await body.dump()
    return statusCode === 200 ? undefined : String(statusCode)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).name
  }
}
