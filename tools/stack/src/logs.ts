/** `make logs`: what all services write, under their names, until Ctrl-C. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { StackError, type StateDir } from './state.ts'

export async function logs(state: StateDir): Promise<number> {
  if (!state.isState) throw new StackError(`there are no logs: nothing was ever up in ${state.path}.`)
  // -F goes on when a new `make up` begins a file again.
  const tail = spawn('tail', ['-n', '10', '-F', ...readdirSync(state.logs)], { cwd: state.logs, stdio: 'inherit' })
  process.on('SIGINT', () => {}).on('SIGTERM', () => tail.kill())
  await once(tail, 'exit')
  return 0
}
