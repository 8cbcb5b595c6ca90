/** k6 built from its source, where Go is installed. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Environment } from '../settings.ts'
import { RELEASE } from './k6-release.ts'

const MODULE = 'go.k6.io/k6/v2'
/** Of the release's source. Go refuses any other; what that in turn needs, it checks in the sum database. */
const SUMS = `${MODULE} v${RELEASE} h1:FXtQJeClRQm25eraUvz/cbn2xcYZThs6cv2lBnid8tM=
${MODULE} v${RELEASE}/go.mod h1:7OY2MP0BM2TOKvOXmHbWixaIXmLVnZbbSWiKSQnQnSU=
`
/** k6 asks for 1.25, which later ones bring by themselves. */
const OLDEST_GO = [1, 24] as const
const WITHIN_MS = 900_000

/** Such as `1.26.8`; undefined where there is none, or one too old. */
export async function usableGo(environment: Environment): Promise<string | undefined> {
  const said = await promisify(execFile)('go', ['version'], { env: environment }).catch(() => undefined)
  const version = said && parseGoVersion(said.stdout)
  const [major = 0, minor = 0] = version?.split('.').map(Number) ?? []
  return major === OLDEST_GO[0] && minor >= OLDEST_GO[1] ? version : undefined
}

/** Of what `go version` says. */
export function parseGoVersion(said: string): string | undefined {
  return /^go version go(\d+\.\d+(?:\.\d+)?)\b/.exec(said)?.[1]
}

/**
 * Builds `k6` in `folder`; returns its path.
 *
 * @throws {Error} with Go's last lines
 */
export async function buildK6(folder: string, environment: Environment): Promise<string> {
  // A module of its own: `go install` refuses modules that replace others, as k6 does.
  const source = path.join(folder, 'source')
  await mkdir(source)
  await writeFile(path.join(source, 'go.mod'), `module tool\ngo 1.25.0\nrequire ${MODULE} v${RELEASE}\n`)
  await writeFile(path.join(source, 'go.sum'), SUMS)
  const file = path.join(folder, 'k6')
  const args = ['build', '-mod=mod', '-trimpath', '-ldflags', '-s -w', '-o', file, MODULE]
  const options = { cwd: source, env: { ...environment, CGO_ENABLED: '0' }, timeout: WITHIN_MS, maxBuffer: 2 ** 24 }
  await promisify(execFile)('go', args, options).catch((cause: Error & { stderr?: string }) => {
    const last = (cause.stderr ?? '').trim().split('\n').slice(-5).join('\n')
    throw new Error(`go build failed: ${last || cause.message}`, { cause })
  })
  return file
}
