/**
 * Tries the API against its own description: a stack of its own, schemathesis with .ci/api.toml and redocly's linter over
 * /openapi.json. Needs python3 (with venv), PyPI and npm's registry; says so where one is away.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { Stack } from '../tools/stack/e2e/stack.ts'

const run = promisify(execFile)
const ROOT = path.resolve(import.meta.dirname, '..')
const SCHEMATHESIS = 'schemathesis==4.32.5'
const REDOCLY = '@redocly/cli@2.77.0'
const EXAMPLES = process.env['EXAMPLES'] ?? '500'
const SEED = process.env['SEED'] ?? '1'
const INSTALL_WITHIN_MS = 180_000

/** The program, installed for this clone alone; undefined where it cannot be. */
async function schemathesis(): Promise<string | undefined> {
  const folder = path.join(ROOT, 'node_modules/.cache', SCHEMATHESIS)
  const program = path.join(folder, 'bin/schemathesis')
  if (existsSync(program)) return program
  try {
    await run('python3', ['-m', 'venv', folder])
    await run(path.join(folder, 'bin/pip'), ['install', '-q', SCHEMATHESIS], { timeout: INSTALL_WITHIN_MS })
    return program
  } catch (error) {
    console.log(`api: left out: ${SCHEMATHESIS} cannot be installed: ${(error as Error).message.trim()}`)
    return undefined
  }
}

/** Whether npx can bring it; a failure later is the description's. */
async function redocly(): Promise<boolean> {
  try {
    await run('npx', ['-y', REDOCLY, '--version'], { timeout: INSTALL_WITHIN_MS })
    return true
  } catch (error) {
    console.log(`api: left out: ${REDOCLY} cannot be installed: ${(error as Error).message.trim()}`)
    return false
  }
}

/** Its output is shown where it found something. */
async function finds(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const [code] = await once(child, 'close')
  console.log(code === 0 ? said.trimEnd().split('\n').slice(-6).join('\n') : said)
  return code !== 0
}

const program = await schemathesis()
if (!program) process.exit()
// Each of its processes beside those of the tests: as few as may be.
const stack = await Stack.up({ GATEWAYS: '1', MICROSERVICES: '1', PROCESSES: '1', WORKERS: '1' })
try {
  const description = path.join(path.dirname(stack.stateDir), 'openapi.json')
  await writeFile(description, await (await fetch(stack.url('/openapi.json'))).text())
  const lint = ['-y', REDOCLY, 'lint', description, '--extends', 'recommended-strict', '--format', 'stylish']
  const mistakes = (await redocly()) && (await finds('npx', lint))
  const faults = await finds(program, [
    ...['--config-file', '.ci/api.toml', 'run', stack.url('/openapi.json'), '--no-color', '--warnings', 'off'],
    ...['--header', `Authorization: Bearer ${await stack.token('admin')}`, '--max-examples', EXAMPLES, '--seed', SEED],
  ])
  console.log(
    mistakes || faults ? 'api: the API and its description disagree' : 'api: the API is what its description says',
  )
  process.exitCode = mistakes || faults ? 1 : 0
} finally {
  await stack.down()
}
