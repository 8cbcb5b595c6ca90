import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'

it('does what its README shows', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const [, program = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
  // Beside the sources, where `fastify` is found; the package itself is found by its own name.
  const folder = await mkdtemp(path.join(import.meta.dirname, '.readme-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(path.join(folder, 'program.ts'), program)
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(folder, 'program.ts')])
  expect(stdout).toBe('/me 200\n/users/ada 200\n/users/bob 403\n')
})
