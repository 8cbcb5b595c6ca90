import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { getK6 } from './get-k6.ts'
import { findK6, isNewEnough, parseVersion } from './k6-binary.ts'
import { parseGoVersion } from './k6-build.ts'
import { archiveName, checksumOf } from './k6-release.ts'

const ARCHIVE = 'k6-v2.2.0-linux-amd64.tar.gz'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'spillway-get-k6-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** An executable that says that it is this k6. */
async function putK6(file: string, version: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, `#!/bin/sh\necho 'k6 v${version} (go1.26.8, linux/amd64)'\n`)
  await chmod(file, 0o755)
}

async function archiveOf(version: string): Promise<Buffer> {
  const name = 'k6-v2.2.0-linux-amd64'
  await putK6(path.join(folder, 'made', name, 'k6'), version)
  const file = path.join(folder, 'archive')
  await promisify(execFile)('tar', ['-czf', file, '-C', path.join(folder, 'made'), name])
  return readFile(file)
}

/** A release in a server of its own, and what `getK6` makes of it where there is no Go and no k6. */
async function get(files: Record<string, string | Buffer>) {
  const server = createServer(({ url = '' }, response) => {
    const content = files[url.slice(1)]
    response.writeHead(content === undefined ? 404 : 200).end(content)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const said: string[] = []
  const file = path.join(folder, 'tools', 'k6')
  try {
    const code = await getK6({
      environment: { PATH: folder },
      file,
      say: (line) => said.push(line),
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      platform: 'linux',
      arch: 'x64',
    })
    return { code, said: said.join('\n'), file, left: await readdir(path.dirname(file)).catch(() => []) }
  } finally {
    server.close()
    await once(server, 'close')
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('getting k6', () => {
  it('installs what the release has, where the lab looks for it', async () => {
    const archive = await archiveOf('2.2.0')
    const checksums = `${'0'.repeat(64)}  k6-v2.2.0-macos-arm64.zip\n${sha256(archive)}  ${ARCHIVE}\n`
    const { code, said, file, left } = await get({ [ARCHIVE]: archive, 'k6-v2.2.0-checksums.txt': checksums })
    expect(said).toContain('that tells damage, not a forged release')
    expect(code).toBe(0)
    expect(left).toEqual(['k6'])
    expect((await findK6(folder, file)).k6).toEqual({ file, version: '2.2.0' })
  })

  it('refuses an archive that is not as the checksum says, and leaves nothing of it', async () => {
    const archive = await archiveOf('2.2.0')
    const expected = 'a'.repeat(64)
    const checksums = `${expected}  ${ARCHIVE}\n`
    const { code, said, left } = await get({ [ARCHIVE]: archive, 'k6-v2.2.0-checksums.txt': checksums })
    expect(said).toContain(`is damaged: its SHA-256 is ${sha256(archive)}, and the release's checksums say ${expected}`)
    expect(said).toContain('or put the executable at')
    expect({ code, left }).toEqual({ code: 1, left: [] })
  })

  it('refuses what is another version than it should be', async () => {
    const archive = await archiveOf('2.1.0')
    const checksums = `${sha256(archive)}  ${ARCHIVE}\n`
    const { code, said, left } = await get({ [ARCHIVE]: archive, 'k6-v2.2.0-checksums.txt': checksums })
    expect(said).toContain('what came is not k6 2.2.0: it says 2.1.0')
    expect({ code, left }).toEqual({ code: 1, left: [] })
  })

  it('says what was not there, and how else to have k6', async () => {
    const { code, said } = await get({})
    expect(said).toMatch(/k6-v2\.2\.0-checksums\.txt cannot be had: status 404/)
    expect(said).toContain('Install k6 2.2 or later')
    expect(code).toBe(1)
  })

  it('brings nothing where a k6 is new enough, and says where that is', async () => {
    await putK6(path.join(folder, 'k6'), '2.3.1')
    const { code, said, left } = await get({})
    expect({ code, said, left }).toEqual({ code: 0, said: `k6 2.3.1 is there: ${path.join(folder, 'k6')}`, left: [] })
    expect((await findK6(folder, '/nowhere')).k6).toEqual({ file: path.join(folder, 'k6'), version: '2.3.1' })
  })

  it('passes one by that is too old, and says so', async () => {
    await putK6(path.join(folder, 'k6'), '1.7.0')
    const { said } = await get({})
    expect(said).toContain(`${path.join(folder, 'k6')} is k6 1.7.0; the lab needs 2.2 or later`)
  })
})

describe('names and versions', () => {
  it.each([
    ['linux', 'x64', ARCHIVE],
    ['linux', 'arm64', 'k6-v2.2.0-linux-arm64.tar.gz'],
    ['darwin', 'x64', 'k6-v2.2.0-macos-amd64.zip'],
    ['darwin', 'arm64', 'k6-v2.2.0-macos-arm64.zip'],
    ['win32', 'x64', undefined],
    ['linux', 'riscv64', undefined],
  ])('%s on %s takes %s', (platform, arch, name) => expect(archiveName(platform, arch)).toBe(name))

  it.each([
    ['k6 v2.2.0 (go1.26.8, linux/amd64)\n', '2.2.0'],
    ['k6 v2.10.3 (commit/abc, go1.26, darwin/arm64)\nExtensions: none', '2.10.3'],
    ['k6.exe v0.55.0 (go1.23)', '0.55.0'],
    ['k6 v2.2.0-rc1 (go1.26)', '2.2.0'],
    ['something else 2.2.0', undefined],
  ])('%j is version %s', (said, version) => expect(parseVersion(said)).toBe(version))

  it('needs 2.2 or later', () => {
    expect(['2.2.0', '2.10.0', '3.0.0'].every(isNewEnough)).toBe(true)
    expect(['2.1.9', '1.99.0', '0.55.0'].some(isNewEnough)).toBe(false)
  })

  it('reads what Go says of itself', () => {
    expect(parseGoVersion('go version go1.26.8 linux/amd64')).toBe('1.26.8')
    expect(parseGoVersion('go version go1.25 darwin/arm64')).toBe('1.25')
    expect(parseGoVersion('go version devel go1.27-abc')).toBeUndefined()
  })

  it('finds an archive’s checksum by its whole name', () => {
    const sum = 'b'.repeat(64)
    expect(checksumOf('k6.zip', `${'c'.repeat(64)}  other-k6.zip\n${sum} *k6.zip\r\n`)).toBe(sum)
    expect(checksumOf('k6.zip', `${sum}  k6.zip.sig\nnonsense  k6.zip\n`)).toBeUndefined()
  })
})
