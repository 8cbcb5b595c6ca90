/** Clients that ask without a pause and keep what was not answered well. */
import { setTimeout as after } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { onTestFinished } from 'vitest'

type Method = 'GET' | 'PUT' | 'POST'

/** Runs until `stop`, which gives the failures. Half of the clients keep their connections, the others open one each time. */
export function load(url: string, { clients = 16, methods = ['GET', 'PUT'] as readonly Method[] } = {}) {
  const agent = new Agent({ connections: clients })
  onTestFinished(() => agent.destroy())
  const failures: unknown[] = []
  const count = { asked: 0 }
  let running = true
  const ask = async (client: number) => {
    const method = methods[count.asked++ % methods.length] as Method
    const sent = method === 'GET' ? null : JSON.stringify({ n: count.asked })
    const headers = { 'content-type': 'application/json', connection: client % 2 === 0 ? 'keep-alive' : 'close' }
    const { statusCode, body } = await request(`${url}/work`, { dispatcher: agent, method, body: sent, headers })
    const text = await body.text()
    if (statusCode !== 200 || (sent !== null && text !== sent)) failures.push([method, statusCode, text])
  }
  const all = Array.from({ length: clients }, async (_, client) => {
    while (running) {
      await ask(client).catch((error) => failures.push(error))
      await after(1)
    }
  })
  return {
    count,
    async stop(): Promise<unknown[]> {
      running = false
      await Promise.all(all)
      return failures
    },
  }
}
