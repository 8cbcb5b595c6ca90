/** `make status`: asks each service how it is. */
import net from 'node:net'
import { livingSupervisor } from './leftovers.ts'
import { readiness } from './readiness.ts'
import type { ServiceEntry, StateDir } from './state.ts'
import { table } from './table.ts'

const ANSWER_WITHIN_MS = 3_000

/** Resolves to 0 when everything is ready, else 1. */
export async function status(state: StateDir): Promise<number> {
  const services = state.readStack()
  if (!services) {
    process.stdout.write(`Nothing is up in ${state.path}.\n`)
    return 1
  }
  const supervisor = await livingSupervisor(state)
  const states = await Promise.all(services.map(ask))
  const rows = services.map(({ name, url, pid }, index) => [
    name,
    states[index] ?? '',
    String(supervisor?.processes.find((each) => each.name === name)?.restarts ?? 0),
    String(pid),
    url,
  ])
  process.stdout.write(`${table(['service', 'state', 'restarts', 'pid', 'address'], rows)}\n`)
  if (supervisor?.phase === 'up') return states.every((each) => each === 'ready') ? 0 : 1
  const trouble = supervisor ? `The stack is ${supervisor.phase}.` : 'The supervisor is gone: make up starts anew.'
  process.stdout.write(`\n${trouble}\n`)
  return 1
}

async function ask(service: ServiceEntry): Promise<string> {
  if (service.role === 'postgres') return (await connects(new URL(service.url))) ? 'ready' : 'down'
  const { state, detail } = await readiness(service)
  return detail === undefined ? state : `${state} (${detail})`
}

function connects({ hostname, port }: URL): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = net.connect({ host: hostname, port: Number(port), timeout: ANSWER_WITHIN_MS })
  const end = (answer: boolean) => {
    socket.destroy()
    resolve(answer)
  }
  socket
    .once('connect', () => end(true))
    .once('error', () => end(false))
    .once('timeout', () => end(false))
  return promise
}
