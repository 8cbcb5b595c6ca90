/** `make down` and `make clean`: stops the stack, or what a killed supervisor left of it; deletes its directory. */
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { livingSupervisor, stopLeftovers } from './leftovers.ts'
import { gone, signal } from './processes.ts'
import { StackError, type StateDir } from './state.ts'

/** The supervisor itself needs 15 s at most; then it hangs. */
const STOPPED_WITHIN_MS = 17_000

export async function down(state: StateDir): Promise<number> {
  const began = performance.now()
  const living = await livingSupervisor(state)
  if (living) {
    const ask = () => void signal(living.pid, 'SIGTERM')
    process.on('SIGINT', ask).on('SIGTERM', ask)
    ask()
    process.stdout.write('Stopping (the front door drains for 5 s; Ctrl-C skips that) ...\n')
    if (!(await gone(living.pid, state.path, STOPPED_WITHIN_MS))) {
      signal(living.pid, 'SIGKILL')
      await gone(living.pid, state.path, 1_000)
    }
  }
  const left = await clearUp(state)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (!living && left === 0) process.stdout.write('Nothing is up.\n')
  else if (left === 0) process.stdout.write(`Stopped in ${seconds} s. The data stays in ${state.path}.\n`)
  else process.stdout.write(`Stopped ${left} processes whose supervisor was gone. The data stays in ${state.path}.\n`)
  return 0
}

/** Stops what nobody supervises, and forgets it. Resolves to how many processes that were. */
async function clearUp(state: StateDir): Promise<number> {
  if (!state.isState) return 0
  const dead = state.readSupervisor()
  const left = await stopLeftovers(state, dead)
  if (dead && state.discard(dead)) state.release()
  return left
}

/** Says what goes, then deletes it. @throws {StackError} while the stack is up, or when the directory is not ours. */
export async function clean(state: StateDir): Promise<number> {
  if (!existsSync(state.path)) {
    process.stdout.write(`There is no ${state.path}: nothing to delete.\n`)
    return 0
  }
  if (!state.isState) throw new StackError(`${state.path} is no Spillway state directory; it is left as it is.`)
  if (await livingSupervisor(state)) throw new StackError('the stack is up; make down first.')
  await clearUp(state)
  const what = { postgres: 'all data', secrets: 'keys and demo accounts', logs: 'logs' }
  const named = Object.entries(what).flatMap(([name, meaning]) =>
    existsSync(path.join(state.path, name)) ? [meaning] : [],
  )
  process.stdout.write(`Deleting ${state.path}: ${named.join(', ')}.\n`)
  rmSync(state.path, { recursive: true, force: true })
  return 0
}
