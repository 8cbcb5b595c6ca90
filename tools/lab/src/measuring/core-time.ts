/** What one core did, whoever used it: by /proc/stat, on Linux alone. */
import { readFile } from 'node:fs/promises'

/** Ticks since the machine began. */
export interface CoreTime {
  readonly total: number
  readonly idle: number
  /** In processes, the kernel's work for them included. */
  readonly processes: number
  /** Taken by the hypervisor for somebody else. */
  readonly stolen: number
}

export async function coreTime(core: number | undefined): Promise<CoreTime | undefined> {
  if (process.platform !== 'linux' || core === undefined) return undefined
  return parseStat(await readFile('/proc/stat', 'utf8'), core)
}

/** Of `cpu0 user nice system idle iowait irq softirq steal …`. */
export function parseStat(stat: string, core: number): CoreTime | undefined {
  const line = stat.split('\n').find((each) => each.startsWith(`cpu${core} `))
  if (!line) return undefined
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, stolen = 0] = line
    .split(' ')
    .slice(1)
    .map(Number)
  const processes = user + nice + system
  return { total: processes + idle + waiting + irq + softirq + stolen, idle: idle + waiting, processes, stolen }
}

export interface CoreUse {
  /** By whomever, 0 to 1. */
  readonly busy: number
  /** By others than the process that it was meant for, 0 to 1. */
  readonly others: number
}

/** @param own seconds of CPU that the process it was meant for used. @param seconds between both readings */
export function coreUse(before: CoreTime, after: CoreTime, own: number, seconds: number): CoreUse | undefined {
  const of = (part: keyof CoreTime) => (after[part] - before[part]) / (after.total - before.total)
  if (!(after.total > before.total && seconds > 0)) return undefined
  return { busy: 1 - of('idle'), others: Math.max(0, of('processes') + of('stolen') - own / seconds) }
}
