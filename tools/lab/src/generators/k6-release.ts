/** k6 as its makers build it: downloaded from the release, and checked. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

export const RELEASE = '2.2.0'
export const RELEASE_URL = `https://github.com/grafana/k6/releases/download/v${RELEASE}`

const WITHIN_MS = 300_000
/** Bytes; an archive has about 35 million. */
const LARGEST = 200_000_000

/** Of the archive for this machine, such as `k6-v2.2.0-linux-amd64.tar.gz`; undefined where none is made. */
export function archiveName(platform: string, arch: string): string | undefined {
  const processor = { x64: 'amd64', arm64: 'arm64' }[arch]
  const system = { linux: 'linux', darwin: 'macos' }[platform]
  return processor && system && `k6-v${RELEASE}-${system}-${processor}.${system === 'linux' ? 'tar.gz' : 'zip'}`
}

/**
 * Downloads the archive and unpacks `k6` into `folder`; returns its path.
 *
 * The checksum comes from the same place as the archive. It tells a damaged download, not a forged release: for that we
 * would have to know it beforehand.
 *
 * @throws {Error} where something is not there, or not as the checksum says
 */
export async function downloadRelease(url: string, archive: string, folder: string): Promise<string> {
  const checksums = await get(`${url}/k6-v${RELEASE}-checksums.txt`)
  const expected = checksumOf(archive, checksums.toString())
  if (!expected) throw new Error(`the release's checksums do not name ${archive}`)
  const bytes = await get(`${url}/${archive}`)
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== expected) {
    throw new Error(`${archive} is damaged: its SHA-256 is ${actual}, and the release's checksums say ${expected}`)
  }
  const file = path.join(folder, archive)
  await writeFile(file, bytes)
  // The tar of macOS unpacks zip archives, too.
  await promisify(execFile)('tar', ['-xf', file, '-C', folder, '--strip-components', '1'])
  return path.join(folder, 'k6')
}

/** In lines as sha256sum writes them. */
export function checksumOf(archive: string, checksums: string): string | undefined {
  const lines = checksums.split('\n').map((line) => /^([0-9a-f]{64}) [ *](\S+)\s*$/.exec(line))
  return lines.find((line) => line?.[2] === archive)?.[1]
}

async function get(url: string): Promise<Buffer> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) }).catch((cause: Error) => {
    const reason = cause.cause instanceof Error ? cause.cause.message : cause.message
    throw new Error(`${url} cannot be had: ${reason}`, { cause })
  })
  const length = Number(answer.headers.get('content-length') ?? 0)
  if (!answer.ok || length > LARGEST) {
    await answer.body?.cancel()
    throw new Error(`${url} cannot be had: ${answer.ok ? `it has ${length} bytes` : `status ${answer.status}`}`)
  }
  return Buffer.from(await answer.arrayBuffer())
}
