/** Tables and the lines after them, for people at a terminal. */
import path from 'node:path'
import { ROOT } from './apps.ts'
import type { Containers } from './containers.ts'
import { quoted } from './settings.ts'
import { type ServiceEntry, StackError, type StateDir } from './state.ts'

/** Columns as wide as they must be, two blanks between. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/** Paths below the repository are shown from there: that is where make is called. */
const shownPath = (file: string) => (file.startsWith(`${ROOT}${path.sep}`) ? path.relative(ROOT, file) : file)

/** Where everything is, and what to type next. */
export function summary(state: StateDir): string {
  const { services, settings } = state.readStack() ?? {}
  const balancer = services?.find(({ role }) => role === 'balancer')
  if (!services || !balancer) throw new StackError(`nothing is up in ${state.path}.`)
  const rows = services.map((service) => [service.name, address(service), String(service.pid), shownPath(service.log)])
  const place = state.isDefault ? '' : ` STATE_DIR=${quoted(state.path)}`
  const door = new URL(balancer.url).port
  const notes = state.readSupervisor()?.notes ?? []
  return `${table(['service', 'address', 'pid', 'log'], rows)}
${notes.length > 0 ? `\n${notes.map((note) => `Note: ${note}.\n`).join('')}` : ''}
${next(door, place, 'down', settings)}
Dashboards: the same stack in containers brings Grafana and Prometheus along:
  make compose-up
`
}

/** The same for a stack in containers. */
export function containersSummary({ services, published }: Pick<Containers, 'services' | 'published'>): string {
  const rows = services.map((service) => [service.name, address(service), service.log])
  const { balancer = '', prometheus, grafana } = published
  return `${table(['service', 'address', 'log'], rows)}

${next(new URL(balancer).port, '', 'compose-down')}
Dashboards: ${grafana ?? 'no Grafana'}, over Prometheus: ${prometheus ?? 'none'}. Load that is seen there, too:
  docker compose run --rm k6
`
}

const address = ({ url, adminUrl }: ServiceEntry) => (adminUrl ? `${url}, for operators ${adminUrl}` : url)

/** What to type next, with `settings` in force. */
function next(door: string, place: string, stop: string, settings: Readonly<Record<string, string>> = {}): string {
  const read = settings['ROUTES_FILE']
    ? `The routes of ${settings['ROUTES_FILE']} describe themselves on http://localhost:${door}/docs
`
    : `Read an item, twice: a miss, then a hit (see Cache-Status).
  curl -i localhost:${door}/data/alpha -H "authorization: Bearer $(make -s token${place})"
`
  const accounts = `Demo accounts reader, editor and admin were made for you; their passwords:
  make accounts${place}
`
  return `${read}
${settings['AUTH_JWKS_URL'] ? '' : accounts}See how it is, read along, stop:
  make status${place}
  make logs${place}
  make ${stop}${place}
`
}
