/** The files by which a stack in containers learns its secrets: each readable by the one user that needs it. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type DemoAccount, demoAccounts, generateKeys, type KeyTexts, randomPassword, rotate } from '@spillway/auth'

/** Users by number, as compose.yaml has them: those of the images of others are theirs to choose. */
const OWNERS = { gateway: 10_001, db: 10_002, worker: 10_003, init: 10_004, postgres: 999, k6: 12_345 } as const

/** What all files are made of; only whoever makes them can read it. */
interface Source {
  signing: string
  verifying: string
  postgresPassword: string
  accounts: DemoAccount[]
}
const SOURCE = 'source.json'

export interface SecretOptions {
  /** `postgres://user@host:port/database`. */
  readonly DATABASE_URL: string
  /** Takes the place of the demo accounts' passwords. */
  readonly DEMO_PASSWORD?: string | undefined
}

/**
 * Makes what is missing, and what a new demo password changes; returns the names of the files made. A process killed in
 * between leaves whole files only, made of what the next one finds in the source.
 *
 * @param chown as `fs.chownSync`: gives a file to a user and a group
 */
export function makeSecrets(directory: string, options: SecretOptions, chown: Chown): string[] {
  const write = writer(directory, chown)
  const known = readSource(path.join(directory, SOURCE))
  const changed = options.DEMO_PASSWORD !== undefined && known?.accounts[0]?.password !== options.DEMO_PASSWORD
  const source: Source = known ?? { ...freshSource(), accounts: [] }
  if (!known || changed) source.accounts = demoAccounts(options.DEMO_PASSWORD)
  const made = known && !changed ? [] : [write(SOURCE, JSON.stringify(source), 0)]
  const outdated = (name: string) => changed && (name === 'init-accounts.json' || name === 'k6-password')
  for (const [name, owner, text] of files(source, options.DATABASE_URL)) {
    // Without a source they are of one that is gone.
    if (!known || outdated(name) || !existsSync(path.join(directory, name))) made.push(write(name, text, owner))
  }
  return made
}

/**
 * A new key to sign with, which signs nobody out. Killed in between, both keys are good, and it can be run again.
 *
 * @param known resolves when every service has read what was written
 * @returns the new key's id
 */
export async function rotateKey(
  directory: string,
  options: SecretOptions,
  chown: Chown,
  known: () => Promise<unknown>,
): Promise<string> {
  const source = readSource(path.join(directory, SOURCE))
  if (!source) throw new Error(`${directory} has no secrets yet; secrets ${directory} makes them`)
  const write = writer(directory, chown)
  const give = (texts: KeyTexts) => {
    const next = { ...source, ...texts }
    write(SOURCE, JSON.stringify(next), 0)
    for (const [name, owner, text] of files(next, options.DATABASE_URL)) {
      if (name.endsWith('-keys.json')) write(name, text, owner)
    }
  }
  const { kid, introduced, switched } = rotate(source.signing, SOURCE)
  give(introduced)
  await known()
  give(switched())
  return kid
}

/** Gives a file to a user and a group. */
type Chown = (file: string, user: number, group: number) => void

/** Of whole files, each its owner's from the beginning; returns their names. */
function writer(directory: string, chown: Chown) {
  return (name: string, text: string, owner: number): string => {
    const file = path.join(directory, name)
    const draft = `${file}.new`
    // Left by one that was killed, and no longer ours to write into.
    rmSync(draft, { force: true })
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    chown(draft, owner, owner)
    renameSync(draft, file)
    return name
  }
}

/** Who verifies comes before those who sign: no token may be signed by what db and worker do not know. */
function files(source: Source, databaseUrl: string): [name: string, owner: number, text: string][] {
  const url = new URL(databaseUrl)
  url.password = source.postgresPassword
  const reader = source.accounts.find(({ username }) => username === 'reader')
  return [
    ['postgres-password', OWNERS.postgres, source.postgresPassword],
    ['db-verify-keys.json', OWNERS.db, source.verifying],
    ['db-database-url', OWNERS.db, url.href],
    ['worker-verify-keys.json', OWNERS.worker, source.verifying],
    ['gateway-signing-keys.json', OWNERS.gateway, source.signing],
    ['worker-database-url', OWNERS.worker, url.href],
    ['init-accounts.json', OWNERS.init, JSON.stringify(source.accounts)],
    ['init-database-url', OWNERS.init, url.href],
    ['k6-password', OWNERS.k6, reader?.password ?? ''],
  ]
}

function freshSource(): Omit<Source, 'accounts'> {
  return { ...generateKeys(), postgresPassword: randomPassword() }
}

function readSource(file: string): Source | undefined {
  if (!existsSync(file)) return undefined
  const source = parseJson(readFileSync(file, 'utf8'))
  if (source === undefined) throw new Error(`${file} is damaged; delete it to make all secrets anew`)
  return source as Source
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser quotes the text in its message, and the text is secret.
    return undefined
  }
}
