/** What the README tells a newcomer to type does what it says, block by block, as it stands. One stack, which they start. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root, Stack } from './stack.ts'

let stack: Stack
/** The shell blocks; their ports are moved to those of this test's stack. */
let blocks: string[]
beforeAll(async () => {
  stack = await Stack.prepare()
  const readme = await readFile(path.join(root, 'README.md'), 'utf8')
  const moved = (_: string, port: string) => `localhost:${Number(port) + stack.offset}`
  blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text.replace(/localhost:(\d+)/g, moved))
})
afterAll(() => stack?.down())

/** Types one block into a shell; resolves to what came out, with the exit code last. */
async function type(block: string | undefined): Promise<string> {
  const shell = spawn('bash', ['-c', `${block}\necho "exit $?"`], { cwd: root, env: stack.environment })
  let out = ''
  for await (const chunk of shell.stdout) out += chunk
  return out
}

it('the first run, as the README has it', { timeout: 90_000 }, async () => {
  const [up, read, write, compute, look] = blocks
  expect(blocks).toHaveLength(5)
  expect(await type(up)).toMatch(/Ready after [\s\S]*balancer +http[\s\S]*curl -i localhost[\s\S]*exit 0/)
  expect(await type(read)).toMatch(/HTTP\/1\.1 200 [\s\S]*fwd=uri-miss[\s\S]*HTTP\/1\.1 200 [\s\S]*; hit[\s\S]*exit 0/)
  expect(await type(write)).toMatch(/HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 [\s\S]*"colour":"red"[\s\S]*exit 0/)
  expect(await type(compute)).toMatch(/"primes":78498[\s\S]*HTTP\/1\.1 200 [\s\S]*"succeeded"[\s\S]*exit 0/)
  expect(await type(look)).toMatch(
    /gateway-3 +ready[\s\S]*cache hits[\s\S]*editor[\s\S]*"available":3[\s\S]*"hitRate"[\s\S]*exit 0/,
  )
})
