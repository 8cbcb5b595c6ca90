/** `make check-routes FILE=`: the routes that a file declares, or every mistake in it. It needs no stack. */
import { ConfigError, readConfig, YamlError } from '@spillway/service'
import { settings } from './config.ts'
import { loadRoutes } from './routes-file/load.ts'
import type { Route } from './routes-file/read.ts'

/** Those that a routes file may name, and where it is. */
const { ROUTES_FILE, DB_URL, MICROSERVICE_URL, WORKER_URL, REMOTE_URL } = settings
const named = { ROUTES_FILE, DB_URL, MICROSERVICE_URL, WORKER_URL, REMOTE_URL }

const HEAD = ['METHODS', 'PATH', 'TO', 'WHO', 'CACHED FOR']

function row({ methods, path, auth, cacheScope, upstream = '', ...route }: Route): string[] {
  const { redirect, answer, mount, rewrite } = route
  const below = mount ?? rewrite
  const sent = below === undefined ? upstream : `${upstream} ${below}`
  const to = redirect ? `redirect ${redirect.to}` : answer ? `answer ${answer.status ?? 200}` : sent
  const who = typeof auth === 'string' ? auth : Object.entries(auth).map((each) => each.join(' '))
  const cached = methods.includes('GET') && upstream !== '' ? cacheScope : ''
  return [methods.join(','), path, to, String(who), cached === 'none' ? '' : cached]
}

function table(rows: readonly string[][]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((cells) => `${line(cells).trimEnd()}\n`).join('')
}

try {
  const [, , file = process.env['ROUTES_FILE']] = process.argv
  const given = Object.fromEntries(Object.keys(named).map((name) => [name, process.env[name]]))
  const config = readConfig(named, { ...given, ROUTES_FILE: file })
  const { routes } = await loadRoutes(config, process.env)
  process.stdout.write(table([HEAD, ...routes.map(row)]))
} catch (error) {
  if (!(error instanceof YamlError || error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
