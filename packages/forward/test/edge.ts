/** A proxy called `edge` over upstreams that are chosen and asked again, as a balancer has it. */
import http from 'node:http'
import { createApp, createContext } from '@spillway/service'
import { retry, Upstreams, type UpstreamsOptions } from '@spillway/upstreams'
import { onTestFinished } from 'vitest'
import { createForward } from '../src/index.ts'
import { portOf } from './wire.ts'

/** Listens before `origins` and ends with the test. */
export const edge = (...origins: string[]) => edgeOver({ endpoints: origins })

export async function edgeOver(options: Partial<UpstreamsOptions> & Pick<UpstreamsOptions, 'endpoints'>) {
  const context = createContext('edge', { LOG_LEVEL: 'silent' })
  context.lifecycle.ready()
  const app = await createApp(context, { operators: false })
  const upstreams = new Upstreams({ name: 'behind', policy: 'round-robin', check: false, ...options })
  const dispatcher = upstreams.compose(retry())
  const forward = createForward({ dispatcher, origin: 'http://behind', name: 'edge', host: 'preserve' })
  for (const method of http.METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.all('*', (request, reply) => forward(request, reply))
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
    await upstreams.destroy()
  })
  /** Requests that the proxy has sent and that have not ended. */
  const inFlight = () => upstreams.endpoints().reduce((sum, endpoint) => sum + endpoint.inFlight, 0)
  return { port: portOf(app.server), server: app.server, upstreams, inFlight }
}
