/** What processes use of the machine, each with all its descendants: by /proc on Linux, by `ps` elsewhere. */
import { execFile, execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { promisify } from 'node:util'

export interface Use {
  /** Operating-system processes; 0 when it is gone. */
  count: number
  /** Of CPU, since it began. On Linux those of children that have ended are in it. */
  seconds: number
  /** Bytes, resident. On Linux what processes share, as PostgreSQL's do their buffers, is counted once. */
  memory: number
}

interface Entry {
  parent: number
  seconds: number
  isAlive: boolean
  /** Where the table tells it. */
  memory?: number
}
type Table = Map<number, Entry>

/** What each of these processes uses now, in their order. */
export async function usesOf(pids: readonly number[]): Promise<Use[]> {
  const isLinux = process.platform === 'linux'
  const table = isLinux ? procTable() : parsePs(await ps('-A'))
  const children = Map.groupBy(table.keys(), (pid) => table.get(pid)?.parent)
  return pids.map((pid) => {
    const tree = treeOf(pid, children).flatMap((each) => table.get(each) ?? [])
    const living = treeOf(pid, children).filter((each) => table.get(each)?.isAlive)
    return {
      count: living.length,
      seconds: tree.reduce((sum, { seconds }) => sum + seconds, 0),
      memory: isLinux ? residentOnLinux(living) : tree.reduce((sum, { memory = 0 }) => sum + memory, 0),
    }
  })
}

/** Seconds of CPU that a process has used since it began, without its descendants; undefined where it is gone. */
export async function cpuTime(pid: number): Promise<number | undefined> {
  const table = process.platform === 'linux' ? procTable([String(pid)]) : parsePs(await ps('-p', String(pid)))
  return table.get(pid)?.seconds
}

function treeOf(pid: number, children: Map<number | undefined, number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => treeOf(child, children))]
}

/** USER_HZ, which the kernel keeps at 100 for whoever reads /proc. */
const TICKS = 100

function procTable(pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))): Table {
  return new Map(
    pids.flatMap((pid) => {
      // The command's name may hold spaces and brackets; what is counted begins after it.
      const fields = readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
      const [state = '', parent] = fields
      if (parent === undefined) return []
      // Its own time in user and kernel mode, then that of children it has waited for.
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
      return [
        [Number(pid), { parent: Number(parent), seconds: ticks / TICKS, isAlive: !'ZX'.includes(state) }] as const,
      ]
    }),
  )
}

let pageSize: number | undefined

/** What each has for itself, and the largest part that any of them shares. */
function residentOnLinux(pids: readonly number[]): number {
  pageSize ??= Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
  const pages = pids.map((pid) => {
    const [, resident = 0, shared = 0] = readProc(pid, 'statm').split(' ').map(Number)
    return { own: resident - shared, shared }
  })
  const shared = Math.max(0, ...pages.map((each) => each.shared))
  return (pages.reduce((sum, { own }) => sum + own, 0) + shared) * pageSize
}

/** Empty where the process has ended meanwhile. */
function readProc(pid: string | number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** Empty where there is none of these. */
async function ps(...which: string[]): Promise<string> {
  const said = await promisify(execFile)('ps', [...which, '-o', FIELDS]).catch((error: { stdout?: string }) => error)
  return said.stdout ?? ''
}
const FIELDS = 'pid=,ppid=,time=,rss=,state='

/** Reads `ps -o pid=,ppid=,time=,rss=,state=`: a time is `[[days-]hours:]minutes:seconds`, memory is in KiB. */
export function parsePs(text: string): Table {
  const rows = text.matchAll(/^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?([\d:.]+)\s+(\d+)\s+(\S)/gm)
  return new Map(
    [...rows].map(([, pid, parent, days = '0', time = '', kib, state]) => {
      const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400
      return [Number(pid), { parent: Number(parent), seconds, isAlive: state !== 'Z', memory: Number(kib) * 1024 }]
    }),
  )
}

/** Milliseconds that all cores together have spent since the machine began. */
export interface CoreTimes {
  busy: number
  total: number
}

export function coreTimes(): CoreTimes {
  const times = os.cpus().map((core) => core.times)
  const total = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0)
  return { busy: total - times.reduce((sum, { idle }) => sum + idle, 0), total }
}

/** How busy all cores were between two readings, 0 to 1. */
export function busyBetween(before: CoreTimes, after: CoreTimes): number {
  const total = after.total - before.total
  return total > 0 ? Math.min(1, Math.max(0, (after.busy - before.busy) / total)) : 0
}
