/** `make token` and `make accounts`: the demo accounts, and a token for one of them. */
import { deployment, findDeployment } from './find-deployment.ts'
import { accountsOf } from './local.ts'
import type { Environment } from './settings.ts'
import { StackError, type StateDir } from './state.ts'
import { table } from './table.ts'

const ANSWER_WITHIN_MS = 10_000

/** Signs in at the front door and prints the token alone. */
export async function token(state: StateDir, role: string, environment: Environment): Promise<number> {
  const found = await deployment(state, environment)
  const balancer = found.services.find((service) => service.role === 'balancer')
  const account = (await found.accounts()).find(({ username }) => username === role)
  if (!balancer || !account) throw new StackError(`nothing is up in ${state.path}; make up first.`)
  const { username, password } = account
  const answer = await fetch(`${balancer.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  }).catch((error: Error) => {
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    throw new StackError(`the balancer at ${balancer.url} does not answer: ${reason}; see make status.`, {
      cause: error,
    })
  })
  const body = await answer.text()
  if (!answer.ok) throw new StackError(`${username} could not sign in (${answer.status}): ${body}`)
  process.stdout.write(`${(JSON.parse(body) as { token: string }).token}\n`)
  return 0
}

export async function accounts(state: StateDir, environment: Environment): Promise<number> {
  // Those of a stack that was up are told, too.
  const found = await findDeployment(state, environment)
  const known = found ? await found.accounts() : accountsOf(state)
  const rows = known.map(({ username, password, roles }) => [username, password, roles.join(', ')])
  process.stdout.write(`${table(['name', 'password', 'roles'], rows)}\n`)
  return 0
}
