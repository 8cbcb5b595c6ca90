/** The laboratory on a running stack: it asks, measures, judges, and fails loudly where a test is not what its name says. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root, SMALL, Stack, send } from './stack.ts'

let stack: Stack
let results: string
beforeAll(async () => {
  results = await mkdtemp(path.join(os.tmpdir(), 'spillway-results-'))
  stack = await Stack.up({
    ...SMALL,
    CACHE_TTL: '20s',
    DB_LATENCY: '20ms',
    PROCESS_LATENCY: '20ms',
    GATEWAY_CONCURRENCY: '4',
  })
})
afterAll(async () => {
  await stack?.down()
  await rm(results, { recursive: true, force: true })
})

/** Types a target; resolves to everything it printed, and to its exit code. */
function make(target: string, settings: Record<string, string> = {}): Promise<{ code: number; out: string }> {
  const env = { ...stack.environment, RESULTS_DIR: results, ...settings }
  return new Promise((resolve) => {
    execFile('make', ['-s', target], { cwd: root, env }, (error, stdout, stderr) => {
      // make itself ends with 2 where a command failed, and says with what.
      const [, told] = /Error (\d+)/.exec(stderr) ?? []
      resolve({ code: error ? Number(told ?? error.code) : 0, out: stdout + stderr })
    })
  })
}

const newest = async () => path.join(results, (await readdir(results)).toSorted().at(-1) as string)

describe('make load', () => {
  it('counts what succeeded, and how long it took', async () => {
    const { code, out } = await make('load', { CLIENTS: '10', REQUESTS: '200' })
    expect(out).toMatch(/success +200\n +failures +0\n +average +[\d.]+ ms\n +p95 +[\d.]+ ms/)
    expect(code).toBe(0)
  })

  it('fails at any failure, and says which', async () => {
    const [token, json] = [await stack.token('editor'), { value: { name: 'mu', position: 12 } }]
    await send(stack.url('/data/mu'), { method: 'DELETE', token })
    const { code, out } = await make('load', { CLIENTS: '5', REQUESTS: '240' })
    await send(stack.url('/data/mu'), { method: 'PUT', token, json })
    expect(out).toMatch(/success +230\n +failures +10 \(404: 10\)/)
    expect(code).toBe(1)
  })
})

describe('make stress', () => {
  it('asks for / and /stress-test', async () => {
    const { code, out } = await make('stress', { DURATION: '1s' })
    expect(out).toMatch(/url +http:\S+\/\n +requests +[1-9][\s\S]*url +http:\S+\/stress-test\n +requests +[1-9]/)
    expect(code).toBe(0)
  })
})

describe('a test on the stack that is up', () => {
  it('is refused where the stack has another number of gateways', async () => {
    const { code, out } = await make('test3-hit')
    expect(out).toMatch(/test3-hit is about 3 gateways; the stack has 1: make down && make up GATEWAYS=3/)
    expect(code).toBe(1)
  })

  it.each(['miss', 'hit'])('that is to %s does so, and leaves a report', async (expects) => {
    const { code, out } = await make(`test1-${expects}`, { SHAPE: 'closed', CONNECTIONS: '16', DURATION: '3s' })
    expect(out).toContain('VALID')
    expect(code).toBe(0)
    const folder = await newest()
    const { rows } = JSON.parse(await readFile(path.join(folder, 'results.json'), 'utf8'))
    expect(rows).toMatchObject([{ name: `test1-${expects}`, load: { wrongBodies: 0, outOfKeys: 0 } }])
    const report = await readFile(path.join(folder, 'report.md'), 'utf8')
    expect(report).toContain('GATEWAY_CONCURRENCY=4')
    await rm(path.join(folder, 'report.md'))
    expect((await make('report')).out).toContain('report.md')
    expect(await readFile(path.join(folder, 'report.md'), 'utf8')).toBe(report)
  })

  it('is refused where its users have no time to join', async () => {
    const { code, out } = await make('test1-hit', { SHAPE: 'users', DURATION: '3s' })
    expect(out).toMatch(/1000 users need 10 s to join and DURATION is 3s/)
    expect(code).toBe(1)
  })

  it('leaves none of the items that it laid out', async () => {
    const page = await send(stack.url('/data?limit=1000&after=t'), { token: await stack.token() })
    const keys = page.json().items.map(({ key }: { key: string }) => key)
    expect(keys.filter((key: string) => /^(test|warm)-/.test(key))).toEqual([])
  })
})

describe('a test on a stack of its own', () => {
  it('runs beside the stack that is up, and leaves its results alone', async () => {
    // The offset is that of the stack that is up.
    const settings = { PORT_OFFSET: '', STATE_DIR: '', SHAPE: 'closed', CONNECTIONS: '16', DURATION: '3s' }
    const { code, out } = await make('run1-hit', settings)
    expect(out).toMatch(/Starting a stack with 1 gateway[\s\S]* VALID/)
    expect(code).toBe(0)
    expect(await readdir(await newest())).toEqual(expect.arrayContaining(['report.md', 'results.json']))
    expect(await readdir(await newest())).not.toContain('stack')
  })
})

describe('a hit test on a stack that keeps nothing', () => {
  it('is INVALID, says why, and fails with 3', async () => {
    const forgetful = await Stack.up({ ...SMALL, CACHE_TTL: '0s' })
    const settings = { STATE_DIR: forgetful.stateDir, SHAPE: 'closed', CONNECTIONS: '8', DURATION: '2s' }
    const { code, out } = await make('test1-hit', settings).finally(() => forgetful.down())
    expect(out).toContain('INVALID')
    expect(out).toMatch(/hits/)
    expect(code).toBe(3)
  })
})
