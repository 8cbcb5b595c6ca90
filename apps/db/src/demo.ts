/** What a demonstration begins with: sample items and accounts. Made again at will, it changes nothing that is there. */
import { readFile } from 'node:fs/promises'
import { accountKey } from '@spillway/auth'
import type pg from 'pg'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { addAccount, changeAccount } from './accounts.ts'
import { checkPassword } from './password.ts'
import { Password, Roles, Username } from './routes/sign-in.ts'

const GREEK =
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega'.split(
    ' ',
  )

/** `alpha` to `omega`, then `alpha-2` and so on. */
export function sampleKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / GREEK.length) + 1
    return `${GREEK[index % GREEK.length]}${round > 1 ? `-${round}` : ''}`
  })
}

/** Adds the sample items that are missing; returns how many those were. */
export async function addSampleItems(client: pg.ClientBase, count: number): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO items (key, value)
     SELECT key, jsonb_build_object('name', key, 'position', position)
     FROM unnest($1::text[]) WITH ORDINALITY AS sample (key, position)
     ON CONFLICT (key) DO NOTHING`,
    [sampleKeys(count)],
  )
  return rowCount ?? 0
}

const Accounts = Type.Array(
  Type.Object({ username: Username, password: Password, roles: Roles }, { additionalProperties: false }),
)
type Account = Static<typeof Accounts>[number]

/** @throws {Error} naming the file and what is wrong in it, never a password */
export async function readAccounts(file: string): Promise<readonly Account[]> {
  const accounts = parseJson(await readFile(file, 'utf8'))
  if (Value.Check(Accounts, accounts)) return accounts
  const mistakes = Value.Errors(Accounts, accounts).map(
    ({ instancePath, message }) => `${instancePath || 'it'} ${message}`,
  )
  throw new Error(`${file} is not a list of accounts: ${mistakes.join('; ')}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser quotes the text in its message, and the text holds passwords.
    return undefined
  }
}

/** Adds the accounts that are missing and updates those that differ; returns the names of both. */
export async function putAccounts(client: pg.ClientBase, accounts: readonly Account[]): Promise<readonly string[]> {
  const changed: string[] = []
  for (const account of accounts) {
    const { username, password, roles } = account
    const { rows } = await client.query<{ password: string; roles: string[] }>(
      'SELECT password, roles FROM accounts WHERE key = $1',
      [accountKey(username)],
    )
    const [known] = rows
    if (!known) {
      await addAccount(client, account)
    } else {
      const sameRoles = known.roles.join() === roles.join()
      const samePassword = await checkPassword(known.password, password)
      if (sameRoles && samePassword) continue
      if (!sameRoles) await changeAccount(client, username, { kind: 'roles', roles })
      if (!samePassword) await changeAccount(client, username, { kind: 'password', password })
    }
    changed.push(username)
  }
  return changed
}
