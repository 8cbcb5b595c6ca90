import http from 'node:http'
import { createApp, createContext } from '@spillway/service'
import { Agent } from 'undici'
import { describe, onTestFinished } from 'vitest'
import { createForward, type ForwardedRequest, type ForwardOptions, intake } from '../src/index.ts'
import { type Mount, whatAProxyOwes } from './owes.ts'
import { portOf } from './wire.ts'

/** A server that forwards everything, reading no body itself. */
async function serve(options: Omit<ForwardOptions, 'name'>, { trusting = false, how = {} as ForwardedRequest } = {}) {
  const context = createContext('edge', { LOG_LEVEL: 'silent' })
  context.lifecycle.ready()
  const app = await createApp(context, {
    operators: false,
    ...(trusting ? { trustedProxies: ['127.0.0.0/8', '9.9.9.9'] } : {}),
  })
  await app.register(intake)
  const forward = createForward({ ...options, name: 'edge' })
  const methods = http.METHODS.filter((method) => method !== 'CONNECT')
  for (const method of methods) app.addHttpMethod(method, { overrideExisting: true })
  app.route({
    method: methods,
    url: '*',
    exposeHeadRoute: false,
    handler: (request, reply) => forward(request, reply, how),
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return { port: portOf(app.server), context }
}

function agent(): Agent {
  const made = new Agent()
  onTestFinished(() => made.destroy())
  return made
}

const mount: Mount = async (origin, { trusting = false, draining = false, ...options } = {}) => {
  const { port, context } = await serve({ dispatcher: agent(), origin, ...options }, { trusting })
  if (draining) context.lifecycle.drain()
  return port
}

describe('forward', () => {
  whatAProxyOwes(mount)
})
