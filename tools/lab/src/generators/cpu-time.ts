/** How long a process has used the CPU. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** `getconf CLK_TCK`, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** Seconds, in user and system mode; undefined where the process is gone. Linux by /proc, others by ps. */
export async function cpuTime(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    return stat === undefined ? undefined : procStatTime(stat)
  }
  const shown = await promisify(execFile)('ps', ['-o', 'time=', '-p', String(pid)]).catch(() => undefined)
  return shown === undefined ? undefined : psTime(shown.stdout)
}

/** Of `/proc/[pid]/stat`: fields 14 and 15, where the second may hold blanks and brackets. */
export function procStatTime(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Of `ps -o time`: `[[days-]hours:]minutes:seconds[.hundredths]`. */
export function psTime(shown: string): number | undefined {
  const [, days = 0, hours = 0, minutes, seconds] =
    /^(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)$/.exec(shown.trim()) ?? []
  if (minutes === undefined) return undefined
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
}
