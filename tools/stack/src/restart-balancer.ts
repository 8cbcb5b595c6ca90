/** `make restart-balancer`: a new balancer process takes over from the one that runs. */
import { setTimeout as delay } from 'node:timers/promises'
import { livingSupervisor } from './leftovers.ts'
import { signal } from './processes.ts'
import { StackError, type StateDir } from './state.ts'

const POLL_MS = 50

/** @throws {StackError} where nothing is up, or the new one could not take over: the one before goes on. */
export async function restartBalancer(state: StateDir): Promise<number> {
  const began = performance.now()
  const before = await livingSupervisor(state)
  if (before?.phase !== 'up') throw new StackError(`nothing is up in ${state.path}; see make status.`)
  signal(before.pid, 'SIGUSR2')
  for (;;) {
    await delay(POLL_MS)
    const now = await livingSupervisor(state)
    if (now?.phase !== 'up') throw new StackError('the stack was stopped meanwhile.')
    if (now.handOvers.ended === before.handOvers.ended) continue
    if (now.handOvers.failure) throw new StackError(`${now.handOvers.failure}\nThe balancer before goes on.`)
    const pid = now.processes.find(({ name }) => name === 'balancer')?.pid
    process.stdout.write(`Process ${pid} took over after ${((performance.now() - began) / 1000).toFixed(1)} s.\n`)
    return 0
  }
}
