/** What the stack keeps secret: signing keys, demo accounts, PostgreSQL's password. Made once, files of mode 0600. */
import { type DemoAccount, demoAccounts, generateKeys, randomPassword } from '@spillway/auth'
import { readJson, readText, type StateDir, writeAtomic } from './state.ts'

/** Makes what is missing. A demo password given replaces the accounts' own. */
export function createSecrets(state: StateDir, demoPassword: string | undefined): void {
  const files = secretFiles(state)
  if (readText(files.signingKeys) === undefined || readText(files.verifyKeys) === undefined) {
    const { signing, verifying } = generateKeys()
    writeAtomic(files.signingKeys, signing, 0o600)
    writeAtomic(files.verifyKeys, verifying, 0o600)
  }
  if (demoPassword !== undefined || readText(files.accounts) === undefined) {
    writeAtomic(files.accounts, `${JSON.stringify(demoAccounts(demoPassword), undefined, 2)}\n`, 0o600)
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

export function readAccounts(state: StateDir): DemoAccount[] | undefined {
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
