/** Accounts as whoever administers them changes them: each change is one transaction, with the tokens that it takes back. */
import { accountKey } from '@spillway/auth'
import type { ClientBase } from 'pg'
import { hashPassword } from './password.ts'
import { revokeSubject } from './revocations.ts'

export interface Account {
  readonly username: string
  readonly roles: readonly string[]
  readonly disabledAt: Date | null
}

/** `taken`: an account has this name, or one that looks like it. */
export type Added = { readonly outcome: 'added' | 'taken'; readonly username: string }

/** `unchanged`: it was so already. `username` is the name as it was given when the account was made. */
export type Changed =
  | { readonly outcome: 'changed' | 'unchanged'; readonly username: string }
  | { readonly outcome: 'missing' }

export type Change =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'roles'; readonly roles: readonly string[] }
  | { readonly kind: 'disable' | 'enable' | 'remove' }

const CHANGES: Record<Change['kind'], string> = {
  password: 'UPDATE accounts SET password = $2 WHERE key = $1',
  roles: 'UPDATE accounts SET roles = $2 WHERE key = $1 AND roles <> $2',
  disable: 'UPDATE accounts SET disabled_at = now() WHERE key = $1 AND disabled_at IS NULL',
  enable: 'UPDATE accounts SET disabled_at = NULL WHERE key = $1 AND disabled_at IS NOT NULL',
  remove: 'DELETE FROM accounts WHERE key = $1',
}

/** In the order of their names. */
export async function listAccounts(client: ClientBase): Promise<readonly Account[]> {
  const { rows } = await client.query<Account>(
    'SELECT username, roles, disabled_at AS "disabledAt" FROM accounts ORDER BY key COLLATE "C"',
  )
  return rows
}

export async function addAccount(
  client: ClientBase,
  { username, password, roles }: { username: string; password: string; roles: readonly string[] },
): Promise<Added> {
  const values = [username, accountKey(username), await hashPassword(password), roles]
  const { rowCount } = await client.query(
    'INSERT INTO accounts (username, key, password, roles) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    values,
  )
  if (rowCount) return { outcome: 'added', username }
  return { outcome: 'taken', username: (await nameOf(client, username)) ?? username }
}

/** After it, unless it was `enable`, no token that the account has had is worth anything (docs/identity.md says how soon). */
export async function changeAccount(client: ClientBase, name: string, change: Change): Promise<Changed> {
  const value = await stored(change)
  const values = [accountKey(name), ...(value === undefined ? [] : [value])]
  const username = await inTransaction(client, async () => {
    const { rows } = await client.query<Account>(`${CHANGES[change.kind]} RETURNING username`, values)
    const [changed] = rows
    if (changed && change.kind !== 'enable') await revokeSubject(client, changed.username)
    return changed?.username
  })
  if (username !== undefined) return { outcome: 'changed', username }
  const known = await nameOf(client, name)
  return known === undefined ? { outcome: 'missing' } : { outcome: 'unchanged', username: known }
}

/** Passwords go to PostgreSQL hashed only, so that none can stand in its logs. */
async function stored(change: Change): Promise<string | readonly string[] | undefined> {
  if (change.kind === 'password') return hashPassword(change.password)
  return change.kind === 'roles' ? change.roles : undefined
}

async function nameOf(client: ClientBase, name: string): Promise<string | undefined> {
  const { rows } = await client.query<Account>('SELECT username FROM accounts WHERE key = $1', [accountKey(name)])
  return rows[0]?.username
}

async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
