/** `make restart-balancer`: a new balancer process takes over from the one that runs. */
import { askSupervisor } from './ask-supervisor.ts'
import { StackError, type StateDir } from './state.ts'

/** @throws {StackError} where nothing is up, or the new one could not take over: the one before goes on. */
export async function restartBalancer(state: StateDir): Promise<number> {
  const began = performance.now()
  const { handOvers, processes } = await askSupervisor(state, 'SIGUSR2', (entry) => entry.handOvers.ended)
  if (handOvers.failure) throw new StackError(`${handOvers.failure}\nThe balancer before goes on.`)
  const pid = processes.find(({ name }) => name === 'balancer')?.pid
  process.stdout.write(`Process ${pid} took over after ${((performance.now() - began) / 1000).toFixed(1)} s.\n`)
  return 0
}
