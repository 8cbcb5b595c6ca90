/** What docs/wire.md has people type is what the service understands. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'
import { World } from './world.ts'

const world = new World()
afterEach(() => world.close())

it('the example by hand fills an entry, hits it and purges it', async () => {
  const { url } = await world.service()
  const document = await readFile(path.join(import.meta.dirname, '../../../docs/wire.md'), 'utf8')
  const [, script = ''] = /```sh\n([\s\S]*?)```/.exec(document) ?? []
  expect(script).toContain('http://localhost:5004')
  const { stdout } = await promisify(execFile)('bash', ['-c', script.replace('http://localhost:5004', url)])
  expect(stdout.trim().split('\n')).toEqual(['204', 'hello', '204'])
})
