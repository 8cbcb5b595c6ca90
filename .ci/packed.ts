/**
 * Proves that outsiders can use our packages: packs them and what they need, installs that in an empty folder, checks the
 * types of their READMEs' programs and runs them against real servers. Needs npm and its registry; says so where that is away.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = path.resolve(import.meta.dirname, '..')
const PACKAGES = ['upstreams', 'intake', 'forward', 'ttl-cache', 'cache-client', 'http-cache']
/** Those whose READMEs have a program. */
const SHOWN = ['upstreams', 'forward', 'ttl-cache', 'cache-client', 'http-cache']
const WITHIN_MS = 150_000
const signal = AbortSignal.timeout(WITHIN_MS)

function expect(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`packed: ${what}`)
  console.log(`packed: ${what}`)
}

/** The first program of a package's README, with real ports in the place of its own. */
async function program(name: string, ports: Readonly<Record<string, number>>): Promise<string> {
  const readme = await readFile(path.join(ROOT, 'packages', name, 'README.md'), 'utf8')
  const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
  return Object.entries(ports).reduce((text, [written, port]) => text.replaceAll(written, String(port)), code)
}

async function listening(): Promise<http.Server> {
  const server = http.createServer(async (request, response) => {
    const body = await request.toArray()
    response.setHeader('cache-control', 'public, max-age=60')
    response.end(`${request.method} ${request.url} ${Buffer.concat(body)}`.trimEnd())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

const portOf = (server: http.Server) => (server.address() as AddressInfo).port

/** False where there is no registry to install from. */
async function install(folder: string): Promise<boolean> {
  const { packageManager } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'))
  for (const name of PACKAGES) {
    const cwd = path.join(ROOT, 'packages', name)
    await run('npx', ['-y', packageManager, 'pack', '--pack-destination', folder], { cwd, signal })
  }
  const packed = (await readdir(folder)).map((name) => `./${name}`)
  expect(packed.length === PACKAGES.length, 'the packages are packed')
  await writeFile(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  try {
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']
    await run('npm', ['install', ...flags, ...packed], { cwd: folder, signal })
  } catch (error) {
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED|ENETUNREACH/.test(String(error))) throw error
    return false
  }
  expect(true, 'npm installs them in an empty folder')
  return true
}

async function checkTypes(folder: string): Promise<void> {
  // That a mistake is one proves that the types are not `any`.
  const mistake =
    "import { Upstreams } from '@spillway/upstreams'\n// @ts-expect-error: no endpoints\nnew Upstreams({ name: 'x' })\n"
  await writeFile(path.join(folder, 'mistake.ts'), mistake)
  const types = { typeRoots: [path.join(ROOT, 'node_modules/@types')], types: ['node'] }
  const compilerOptions = {
    module: 'nodenext',
    target: 'esnext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    ...types,
  }
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  await run(path.join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { signal })
  expect(true, 'the programs of their READMEs are well typed, and a mistake is not')
}

/** What a README's program prints. */
async function printed(folder: string, name: string): Promise<string> {
  const { stdout } = await run(process.execPath, [path.join(folder, `${name}.ts`)], { signal })
  return stdout.trim()
}

async function serve(file: string, port: number): Promise<void> {
  const child = spawn(process.execPath, [file], { stdio: 'inherit' })
  try {
    const asked = { method: 'POST', body: 'a body' }
    let answer: Response | undefined
    while (answer?.status !== 200) {
      signal.throwIfAborted()
      if (child.exitCode !== null) throw new Error(`packed: the server ended with ${child.exitCode}`)
      await answer?.body?.cancel()
      await delay(100)
      answer = await fetch(`http://127.0.0.1:${port}/cart`, asked).catch(() => undefined)
    }
    expect((await answer.text()) === 'POST /cart a body', 'a bare Fastify forwards with them')
    expect(answer.headers.get('x-served-by') === 'front', 'and says who answered, but not at which address')
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'packed-'))
const servers = await Promise.all([listening(), listening(), listening()])
try {
  const [first, second, front] = servers.map(portOf) as [number, number, number]
  // Its port is the front's, who is to listen on it.
  servers.pop()?.close()
  const ports = { 9001: first, 9002: second, 8000: front }
  if (await install(folder)) {
    for (const name of SHOWN) await writeFile(path.join(folder, `${name}.ts`), await program(name, ports))
    await checkTypes(folder)
    const answered = await printed(folder, 'upstreams')
    expect(answered === '200 GET /items', 'undici asks the upstreams, with them as its global dispatcher')
    const forgotten = await printed(folder, 'ttl-cache')
    expect(forgotten === '<p>Shoes</p>\nundefined 1', 'a cache keeps a page until its tag is purged')
    const shared = await printed(folder, 'cache-client')
    expect(shared === "[ 'filled', 'filled', 'filled' ] hit\nundefined", 'three who ask at once share one fill')
    const asked: (string | undefined)[] = []
    servers[0]?.on('request', ({ method }: http.IncomingMessage) => asked.push(method))
    const cached = await printed(folder, 'http-cache')
    const same = "[ 'GET /items', 'GET /items', 'GET /items' ] GET /items\nGET /items"
    expect(cached === same && asked.join() === 'GET,DELETE,GET', 'four who ask cost one request, until a write')
    await serve(path.join(folder, 'forward.ts'), front)
  } else console.log('packed: NOT PROVED, for npm reached no registry')
} finally {
  for (const server of servers) server.close()
  for (const name of PACKAGES) await rm(path.join(ROOT, 'packages', name, 'dist'), { recursive: true, force: true })
  await rm(folder, { recursive: true })
}
