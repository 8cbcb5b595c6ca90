/** docs/own-services.md does what it says, as it is written: its files, its servers, and its commands, block by block. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root, Stack, send } from './stack.ts'

const RELOAD = 'make -s -C ../spillway reload'

let stack: Stack
let folder: string
/** The shell blocks; their ports, and those of the files, are moved to ones of this test's. */
let blocks: string[]
const servers: ChildProcess[] = []

beforeAll(async () => {
  stack = await Stack.prepare({ MICROSERVICES: '1', PROCESSES: '1' })
  const page = await readFile(path.join(root, 'docs/own-services.md'), 'utf8')
  const ports = new Map<string, number>()
  for (const [port] of page.matchAll(/\b900\d\b/g)) ports.set(port, ports.get(port) ?? (await freePort()))
  const moved = (written: string) =>
    written
      .replace(/\b900\d\b/g, (port) => String(ports.get(port)))
      .replace(/localhost:(\d+)/g, (_, port) => `localhost:${Number(port) + stack.offset}`)
  folder = path.join(path.dirname(stack.stateDir), 'own')
  await mkdir(folder)
  await symlink(root, path.join(folder, '../spillway'))
  for (const [, name = '', written = ''] of page.matchAll(/^`([\w.]+)`:\n\n```\w+\n(.*?)^```$/gms)) {
    await writeFile(path.join(folder, name), moved(written))
  }
  blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, written = '']) => moved(written))
  for (const [, name = ''] of page.matchAll(/`node (\w+\.mjs)`/g)) {
    servers.push(spawn(process.execPath, [name], { cwd: folder, stdio: 'inherit' }))
  }
})
afterAll(async () => {
  for (const server of servers) server.kill()
  await stack?.down()
})

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Types one block into a shell; resolves to what came out, the exit code, and then what was complained of. */
async function type(block: string | undefined): Promise<string> {
  const shell = spawn('bash', ['-c', `${block}\necho "exit $?"`], { cwd: folder, env: stack.environment })
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  return out + err
}

it('two foreign servers, as the page has it, and other routes by make reload', { timeout: 120_000 }, async () => {
  const [up, read, account, review, more, down] = blocks
  expect(blocks).toHaveLength(6)
  expect(servers).toHaveLength(2)
  expect(await type(up)).toMatch(/METHODS[\s\S]*\/products\/\{id\}[\s\S]*Ready after [\s\S]*gateway-3 [\s\S]*exit 0/)
  expect(await type(read)).toMatch(
    /HTTP\/1\.1 200 [\s\S]*fwd=uri-miss[\s\S]*"asked":1\}HTTP\/1\.1 200 [\s\S]*; hit[\s\S]*"asked":1\}exit 0/,
  )
  expect(await type(account)).toMatch(/^exit 0\n[\s\S]*ada is added, with the role customer\n/)
  expect(await type(review)).toMatch(
    /^HTTP\/1\.1 401 [\s\S]*"token_missing"[\s\S]*HTTP\/1\.1 200 [\s\S]*\[\]HTTP\/1\.1 201 [\s\S]*HTTP\/1\.1 400 [\s\S]*"path":"\/text"[\s\S]*HTTP\/1\.1 200 [\s\S]*\["Good boots"\]exit 0/,
  )
  expect(await type(more)).toBe('201\n429\nexit 0\n')

  const file = path.join(folder, 'routes.yaml')
  const routes = await readFile(file, 'utf8')
  await writeFile(file, `${routes}\n  - { path: /new, methods: [GET], auth: public, answer: { body: new } }\n`)
  expect((await type(RELOAD)).match(/ gateway-[123] +routes +\S+gateway-[123]\.log/g)).toHaveLength(3)
  expect((await send(stack.url('/new'))).text).toBe('new')
  await writeFile(file, 'routes: []\n')
  const refused = await type(RELOAD)
  expect(refused.match(/ gateway-[123] +refused; all stays as it was /g)).toHaveLength(3)
  expect(refused).toMatch(
    /exit 2\n\S+routes\.yaml:1:1 .*lacks upstreams.*\n\S+:1:\d+ routes is \[\]; it must be a list of /,
  )
  expect((await send(stack.url('/new'))).text).toBe('new')

  expect(await type(down)).toMatch(/^Stopped[\s\S]*exit 0/m)
})
