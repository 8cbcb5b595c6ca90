/** `make status`: asks each service how it is. */
import { livingSupervisor } from './leftovers.ts'
import { isPostgresReady } from './postgres.ts'
import { isOurs } from './processes.ts'
import { readiness } from './readiness.ts'
import type { ServiceEntry, StateDir } from './state.ts'
import { table } from './table.ts'

/** Resolves to 0 when everything is ready, else 1. */
export async function status(state: StateDir): Promise<number> {
  const services = state.readStack()
  if (!services) {
    process.stdout.write(`Nothing is up in ${state.path}.\n`)
    return 1
  }
  const supervisor = await livingSupervisor(state)
  const states = await Promise.all(services.map((service) => ask(state, service)))
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

async function ask(state: StateDir, service: ServiceEntry): Promise<string> {
  if (service.role === 'postgres') {
    return (await isOurs(service.pid, state.path)) && isPostgresReady(state, service.pid) ? 'ready' : 'down'
  }
  const { state: is, detail } = await readiness(service)
  return detail === undefined ? is : `${is} (${detail})`
}
