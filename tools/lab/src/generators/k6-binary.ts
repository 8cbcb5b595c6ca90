/** Which k6 there is: on the `PATH`, or where `make k6` puts it. */
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { findOnPath, isExecutable } from './pin.ts'

/** At least; the release that `make k6` brings is of these. */
const NEEDED = [2, 2] as const
export const NEEDED_TEXT = NEEDED.join('.')

/** Where `make k6` puts it: ignored by git, and apart from a stack's data, which `make clean` deletes. */
export const OWN_K6 = path.resolve(import.meta.dirname, '../../../../.tools/k6')

export interface K6 {
  readonly file: string
  /** Such as `2.2.0`. */
  readonly version: string
}

/** The first that is new enough; `tooOld` names those that are not. */
export async function findK6(searched: string | undefined, own = OWN_K6): Promise<{ k6?: K6; tooOld: readonly K6[] }> {
  const tooOld: K6[] = []
  const files = [findOnPath('k6', searched), isExecutable(own) ? own : undefined]
  for (const file of files.filter((each) => each !== undefined)) {
    const version = await versionOf(file)
    if (version && isNewEnough(version)) return { k6: { file, version }, tooOld }
    if (version) tooOld.push({ file, version })
  }
  return { tooOld }
}

/** Undefined where it does not run, or says something else. */
export async function versionOf(file: string): Promise<string | undefined> {
  const said = await promisify(execFile)(file, ['version'], { timeout: 10_000 }).catch(() => undefined)
  return said && parseVersion(said.stdout)
}

/** Of what `k6 version` says, such as `k6 v2.2.0 (go1.26.8, linux/amd64)`; the form of 0.x had an executable's name, too. */
export function parseVersion(said: string): string | undefined {
  return /^k6(?:\.exe)? v(\d+\.\d+\.\d+)(?=[\s+-]|$)/.exec(said)?.[1]
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}
