/** What the stack keeps secret: signing keys, demo accounts, PostgreSQL's password. Made once, files of mode 0600. */
import { randomBytes } from 'node:crypto'
import { generateKeys } from '@spillway/auth'
import { readJson, readText, type StateDir, writeAtomic } from './state.ts'

export interface Account {
  username: string
  password: string
  roles: string[]
}

const DEMO_ROLES = { reader: ['reader'], editor: ['reader', 'editor'], admin: ['reader', 'editor', 'admin'] }

/** 144 bits, safe in URLs and shells. */
const randomPassword = () => randomBytes(18).toString('base64url')

/** Makes what is missing. A demo password given replaces the accounts' own. */
export function createSecrets(state: StateDir, demoPassword: string | undefined): void {
  const files = secretFiles(state)
  if (readText(files.signingKeys) === undefined || readText(files.verifyKeys) === undefined) {
    const { signing, verifying } = generateKeys()
    writeAtomic(files.signingKeys, signing, 0o600)
    writeAtomic(files.verifyKeys, verifying, 0o600)
  }
  if (demoPassword !== undefined || readText(files.accounts) === undefined) {
    const accounts = Object.entries(DEMO_ROLES).map(
      ([username, roles]): Account => ({ username, password: demoPassword ?? randomPassword(), roles }),
    )
    writeAtomic(files.accounts, `${JSON.stringify(accounts, undefined, 2)}\n`, 0o600)
  }
}

export function secretFiles(state: StateDir) {
  return {
    signingKeys: state.secret('signing-keys.json'),
    verifyKeys: state.secret('verify-keys.json'),
    accounts: state.secret('accounts.json'),
    postgresPassword: state.secret('postgres-password'),
  }
}

export function readAccounts(state: StateDir): Account[] | undefined {
  return readJson(secretFiles(state).accounts)
}

/** The password of the embedded PostgreSQL; made when first asked for. */
export function postgresPassword(state: StateDir): string {
  const file = secretFiles(state).postgresPassword
  const known = readText(file)
  if (known !== undefined) return known
  const password = randomPassword()
  writeAtomic(file, password, 0o600)
  return password
}
