/** What the operating system knows about processes: whose they are, who holds a port. Linux by /proc, others by ps, lsof. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { dataDirectory } from './state.ts'

/** In the environment of each process of a stack, with its state directory. */
export const MARK = 'SPILLWAY_STATE_DIR'

const run = promisify(execFile)
const output = (file: string, args: string[]) =>
  run(file, args).then(
    ({ stdout }) => stdout,
    () => '',
  )

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Whether `pid` is alive (a zombie is not) and belongs to the stack of this state directory. A process id alone proves
 * nothing: it may have been given to somebody else since it was written down. PostgreSQL, when another user's, may hide
 * its environment from us (in containers), but not its arguments.
 */
export async function isOurs(pid: number, stateDir: string): Promise<boolean> {
  const marks = [`${MARK}=${stateDir}`, dataDirectory(stateDir)]
  if (process.platform === 'linux') {
    const words = ['environ', 'cmdline'].flatMap((file) => read(`/proc/${pid}/${file}`).split('\0'))
    return marks.some((mark) => words.includes(mark))
  }
  const words = ` ${(await output('ps', ['eww', '-o', 'command=', '-p', String(pid)])).trim()} `
  return marks.some((mark) => words.includes(` ${mark} `))
}

/** Sends a signal; false when there is nobody to take it. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** Resolves to whether `pid` was gone within `ms`. For processes that are no children of ours. */
export async function gone(pid: number, stateDir: string, ms: number): Promise<boolean> {
  for (const until = performance.now() + ms; performance.now() < until; await delay(50)) {
    if (!(await isOurs(pid, stateDir))) return true
  }
  return false
}

/** Who listens on a TCP port, such as `nginx (pid 4711)`; undefined where that cannot be seen. */
export async function portHolder(port: number): Promise<string | undefined> {
  if (process.platform === 'linux') return linuxPortHolder(port)
  const listing = await output('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'])
  const [, pid, command] = /^p(\d+)\nc(.*)$/m.exec(listing) ?? []
  return pid && `${command} (pid ${pid})`
}

const LISTEN = '0A'

function linuxPortHolder(port: number): string | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = ['tcp', 'tcp6']
    .flatMap((table) => read(`/proc/net/${table}`).split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(local) && fields[3] === LISTEN)
    .map((fields) => `socket:[${fields[9]}]`)
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && holds(name, sockets))
  if (pid === undefined) return undefined
  const command = path.basename(read(`/proc/${pid}/cmdline`).split('\0')[0] ?? '')
  return `${command || 'a process'} (pid ${pid})`
}

function holds(pid: string, sockets: readonly string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)))
  } catch {
    return false
  }
}
