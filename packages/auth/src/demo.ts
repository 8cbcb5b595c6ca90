/** The accounts that a demonstration has, for whoever starts one. */
import { randomBytes } from 'node:crypto'

export interface DemoAccount {
  username: string
  password: string
  roles: string[]
}

const ROLES = { reader: ['reader'], editor: ['reader', 'editor'], admin: ['reader', 'editor', 'admin'] }

/** `reader`, `editor` and `admin`: with this password, else each with a random one. */
export function demoAccounts(password?: string): DemoAccount[] {
  return Object.entries(ROLES).map(([username, roles]) => ({
    username,
    password: password ?? randomPassword(),
    roles,
  }))
}

/** 144 bits, safe in URLs and shells. */
export function randomPassword(): string {
  return randomBytes(18).toString('base64url')
}
