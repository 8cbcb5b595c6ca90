/** `make logs`: what all services write, under their names, until Ctrl-C. */
import { once } from 'node:events'
import { findDeployment, where } from './find-deployment.ts'
import { followLogs } from './local.ts'
import { printable } from './printable.ts'
import type { Environment } from './settings.ts'
import { StackError, type StateDir } from './state.ts'

export async function logs(state: StateDir, environment: Environment): Promise<number> {
  const deployment = await findDeployment(state, environment)
  // Why it is not up any more, its last lines tell.
  if (!deployment && !state.isState) throw new StackError(`there are no logs: nothing was ever up ${where(state)}.`)
  const reader = deployment ? deployment.followLogs() : followLogs(state)
  reader.stdout?.setEncoding('utf8').on('data', (text: string) => void process.stdout.write(printable(text)))
  process.on('SIGINT', () => {}).on('SIGTERM', () => reader.kill())
  await once(reader, 'exit')
  return 0
}
