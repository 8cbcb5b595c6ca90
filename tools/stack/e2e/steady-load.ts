/** Reads that go on while something is killed, so that a test can say what the killing cost. */
import { Pool } from 'undici'

export interface SteadyLoad {
  /** Of the balancer. */
  url: string
  token: string
  connections: number
  /** How often each connection asks, in ms, where the stack keeps up; 0: as fast as it answers. */
  everyMs: number
  /** What the nth request asks for. */
  path: (n: number) => string
}

/** Asks until it is stopped. */
export function steadyLoad({ url, token, connections, everyMs, path }: SteadyLoad) {
  const pool = new Pool(url, { connections, pipelining: 1 })
  const failures: string[] = []
  /** Answers for each gateway. */
  const servers = new Map<string, number>()
  let sent = 0
  let stopped = false
  const connection = async () => {
    while (!stopped) {
      const next = performance.now() + everyMs
      try {
        const headers = { authorization: `Bearer ${token}` }
        const answer = await pool.request({ path: path(sent++), method: 'GET', headers })
        const text = await answer.body.text()
        if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${text}`)
        const server = String(answer.headers['x-served-by']).split(',')[0] ?? ''
        servers.set(server, (servers.get(server) ?? 0) + 1)
      } catch (error) {
        failures.push(String(error))
      }
      const rest = next - performance.now()
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
    }
  }
  const started = performance.now()
  const asking = Array.from({ length: connections }, connection)
  return {
    failures,
    servers,
    sent: () => sent,
    /** Resolves to how many requests a second there were. */
    async stop(): Promise<number> {
      stopped = true
      await Promise.all(asking)
      await pool.close()
      return sent / ((performance.now() - started) / 1000)
    },
  }
}
