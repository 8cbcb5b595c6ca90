/** `make token` and `make accounts`: the demo accounts, and a token for one of them. */
import { readAccounts } from './secrets.ts'
import { StackError, type StateDir } from './state.ts'
import { table } from './table.ts'

const ANSWER_WITHIN_MS = 10_000

/** Signs in at the front door and prints the token alone. */
export async function token(state: StateDir, role: string): Promise<number> {
  const balancer = state.readStack()?.find((service) => service.role === 'balancer')
  const account = readAccounts(state)?.find(({ username }) => username === role)
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

export function accounts(state: StateDir): number {
  const known = readAccounts(state)
  if (!known) throw new StackError(`there are no accounts in ${state.path} yet; make up first.`)
  const rows = known.map(({ username, password, roles }) => [username, password, roles.join(', ')])
  process.stdout.write(`${table(['name', 'password', 'roles'], rows)}\n`)
  return 0
}
