/** Does what `spillway users` was asked, in the database, and says what came of it. */
import type { ClientBase } from 'pg'
import { type Account, addAccount, type Change, type Changed, changeAccount, listAccounts } from '../accounts.ts'
import type { Command } from './command.ts'
import { newPassword, type Terminal } from './new-password.ts'

/** What people are told, what scripts read, and whether it could be done. */
export interface Outcome {
  readonly said: string
  readonly printed?: string
  readonly isDone: boolean
}

export async function carryOut(command: Command, client: ClientBase, terminal: Terminal): Promise<Outcome> {
  switch (command.verb) {
    case 'list':
      return { said: '', printed: table(await listAccounts(client)), isDone: true }
    case 'add': {
      const { name: username, roles, from } = command
      const password = await newPassword(from, terminal)
      const added = await addAccount(client, { username, password, roles })
      if (added.outcome === 'taken') {
        return { said: `${username} was not added: there is an account ${added.username}`, isDone: false }
      }
      return { said: `${username} is added, with ${shown(roles)}`, ...made(from, password), isDone: true }
    }
    case 'password': {
      const password = await newPassword(command.from, terminal)
      const changed = await changeAccount(client, command.name, { kind: 'password', password })
      return { ...told(command.name, changed, 'has a new password'), ...made(command.from, password) }
    }
    case 'roles': {
      const { name, roles } = command
      return told(name, await changeAccount(client, name, { kind: 'roles', roles }), `has ${shown(roles)}`)
    }
    default: {
      const change: Change = { kind: command.verb }
      return told(command.name, await changeAccount(client, command.name, change), `is ${command.verb}d`)
    }
  }
}

function made(from: string, password: string) {
  return from === 'generate' ? { printed: password } : {}
}

function told(name: string, changed: Changed, is: string): Outcome {
  if (changed.outcome === 'missing') {
    return { said: `there is no account ${JSON.stringify(name)}; list shows those there are`, isDone: false }
  }
  return { said: `${changed.username} ${is}${changed.outcome === 'unchanged' ? ' already' : ''}`, isDone: true }
}

function shown(roles: readonly string[]): string {
  return roles.length === 0 ? 'no roles' : `the role${roles.length > 1 ? 's' : ''} ${roles.join(', ')}`
}

function table(accounts: readonly Account[]): string {
  const rows = [
    ['name', 'roles', 'state'],
    ...accounts.map(({ username, roles, disabledAt }) => [
      username,
      roles.join(',') || '-',
      disabledAt ? `disabled since ${disabledAt.toISOString()}` : 'active',
    ]),
  ]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')).join('\n')
}
