/** `make bench-login`: whether the time of a refused sign-in tells whether there is such an account. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Environment, Settings } from '../settings.ts'
import { LabError, runningStack } from '../stack.ts'
import { toldApart } from './told-apart.ts'

const ROUNDS = 300
const WARM_UP = 20

/** A copy of the reader, disabled. */
const ADD = `INSERT INTO accounts (username, key, password, roles, disabled_at)
  SELECT $1, $1, password, roles, now() FROM accounts WHERE username = 'reader'`

/**
 * Asks the db service, where a refusal is decided, one after the other in an order drawn anew each round. Resolves to the
 * exit code: 1 where the kinds can be told apart.
 */
export async function benchLogin({ STATE_DIR }: Settings, environment: Environment): Promise<number> {
  const stack = await runningStack(STATE_DIR, environment)
  const db = stack.services.find(({ role }) => role === 'db')
  if (!db) throw new LabError('the stack that is up has no db service; make status says more.')
  const client = new pg.Client({ connectionString: await stack.ask('database'), application_name: 'lab' })
  await client.connect()
  const disabled = `bench-login-${randomBytes(6).toString('hex')}`
  try {
    const { rowCount } = await client.query(ADD, [disabled])
    if (!rowCount) throw new LabError('there is no account reader to copy.')
    const names = { 'wrong password': 'reader', 'unknown name': `${disabled}-too`, 'disabled account': disabled }
    return say(await measure(db.url, names))
  } finally {
    await client.query('DELETE FROM accounts WHERE username = $1', [disabled])
    await client.end()
  }
}

/** Milliseconds by kind, round by round. */
async function measure(url: string, names: Readonly<Record<string, string>>): Promise<Record<string, number[]>> {
  const kinds = Object.keys(names)
  const times: Record<string, number[]> = Object.fromEntries(kinds.map((kind) => [kind, []]))
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const kind of kinds.toSorted(() => Math.random() - 0.5)) {
      const ms = await refused(url, names[kind] as string)
      if (round >= 0) times[kind]?.push(ms)
    }
  }
  return times
}

async function refused(url: string, username: string): Promise<number> {
  const body = JSON.stringify({ username, password: 'a password that nobody has' })
  const began = performance.now()
  const answer = await fetch(`${url}/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  await answer.arrayBuffer()
  if (answer.status !== 401) throw new LabError(`the db service answered ${answer.status} to a wrong sign-in, not 401.`)
  return performance.now() - began
}

function say(times: Readonly<Record<string, readonly number[]>>): number {
  const [[first, base], ...others] = Object.entries(times) as [[string, number[]], ...[string, number[]][]]
  const sorted = base.toSorted((a, b) => a - b)
  const lines = [`${first}: ${ms(sorted[Math.floor(sorted.length / 2)] ?? 0)} at the median of ${ROUNDS}`]
  let isApart = false
  for (const [kind, each] of others) {
    const found = toldApart(each.map((one, round) => one - (base[round] as number)))
    isApart ||= found.isApart
    const [low, high] = found.between
    lines.push(
      `${kind}: ${ms(found.median)} longer at the median (95 %: ${ms(low)} to ${ms(high)}), longer in ` +
        `${(100 * found.longer).toFixed(0)} % of the rounds: ${found.isApart ? 'CAN BE TOLD APART' : 'cannot be told apart'}`,
    )
  }
  process.stdout.write(`${lines.join('\n')}\n`)
  return isApart ? 1 : 0
}

const ms = (value: number) => `${value.toFixed(2)} ms`
