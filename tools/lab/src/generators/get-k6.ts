/** `make k6`: brings k6 where none is installed that the lab can use. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Environment } from '../settings.ts'
import { findK6, NEEDED_TEXT, versionOf } from './k6-binary.ts'
import { buildK6, usableGo } from './k6-build.ts'
import { archiveName, downloadRelease, RELEASE, RELEASE_URL } from './k6-release.ts'

export interface GetK6Options {
  readonly environment: Environment
  /** Where it goes; `findK6` knows the folder. */
  readonly file: string
  readonly say: (line: string) => void
  /** Of the release. Default: at GitHub. */
  readonly url?: string
  readonly platform?: string
  readonly arch?: string
}

/** Returns the exit code: 0 where there is a k6 now. */
export async function getK6({ environment, file, say, ...where }: GetK6Options): Promise<number> {
  const { k6, tooOld } = await findK6(environment['PATH'], file)
  if (k6) {
    say(`k6 ${k6.version} is there: ${k6.file}`)
    return 0
  }
  for (const old of tooOld) say(`${old.file} is k6 ${old.version}; the lab needs ${NEEDED_TEXT} or later`)

  const target = path.dirname(file)
  await mkdir(target, { recursive: true })
  const folder = await mkdtemp(path.join(target, 'new-'))
  try {
    const made = (await downloaded(folder, say, where)) ?? (await built(folder, say, environment))
    if (!made) {
      say(`There is no k6. Install k6 ${NEEDED_TEXT} or later (https://grafana.com/docs/k6/latest/set-up/install-k6/),`)
      say(`or Go 1.24 or later and run make k6 again, or put the executable at ${file}.`)
      say('Without it, closed loads are made with autocannon, and loads of users who think are not run.')
      return 1
    }
    await rename(made, file)
    say(`k6 ${RELEASE} is at ${file}`)
    return 0
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Where = Pick<GetK6Options, 'url' | 'platform' | 'arch'>

async function downloaded(
  folder: string,
  say: GetK6Options['say'],
  { url = RELEASE_URL, platform = process.platform, arch = process.arch }: Where,
): Promise<string | undefined> {
  const archive = archiveName(platform, arch)
  if (!archive) {
    say(`k6 is not released for ${platform} on ${arch}`)
    return undefined
  }
  say(`downloading ${url}/${archive}`)
  try {
    const file = await runs(await downloadRelease(url, archive, folder))
    say('its SHA-256 is the one that the release states; that tells damage, not a forged release')
    return file
  } catch (error) {
    say((error as Error).message)
    return undefined
  }
}

async function built(folder: string, say: GetK6Options['say'], environment: Environment): Promise<string | undefined> {
  const go = await usableGo(environment)
  if (!go) return undefined
  say(`building it with Go ${go}, which takes some minutes the first time; the source is checked against a known sum`)
  try {
    return await runs(await buildK6(folder, environment))
  } catch (error) {
    say((error as Error).message)
    return undefined
  }
}

async function runs(file: string): Promise<string> {
  const version = await versionOf(file)
  if (version !== RELEASE) throw new Error(`what came is not k6 ${RELEASE}: it says ${version ?? 'nothing'}`)
  return file
}
