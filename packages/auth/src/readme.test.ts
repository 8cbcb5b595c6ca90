import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('does what its README shows', async () => {
  const cwd = path.join(import.meta.dirname, '..')
  const readme = await readFile(path.join(cwd, 'README.md'), 'utf8')
  const [, program = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
  const asked = ['--input-type=module-typescript', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, asked, { cwd })
  expect(stdout).toBe('/me 200\n/users/ada 200\n/users/bob 403\n')
})
