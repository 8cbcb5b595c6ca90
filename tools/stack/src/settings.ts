/** What `make up` can be told, read from the environment and from make's command line. */
import {
  ConfigError,
  type ConfigOf,
  choice,
  commonSettings,
  duration,
  readConfig,
  text,
  whole,
} from '@spillway/service'
import { Type } from 'typebox'
import { DEFAULT_STATE_DIR } from './state.ts'

export const settings = {
  GATEWAYS: whole({ about: 'How many gateways.', minimum: 1, maximum: 50, default: 3 }),
  CACHE_TTL: duration({ about: 'How long answers may be cached.', default: '30s' }),
  DB_LATENCY: duration({ about: 'What the db service waits before each answer.', default: '0s' }),
  POLICY: choice(['round-robin'], { about: 'How the balancer chooses a gateway.', default: 'round-robin' }),
  SAMPLE_ITEMS: whole({ about: 'Items made at first start.', minimum: 0, maximum: 1_000_000, default: 1000 }),
  // 57,534 is 65,535 - 8,001: the highest fixed port must still be one.
  PORT_OFFSET: whole({ about: 'Added to every port.', minimum: 0, maximum: 57_534, default: 0 }),
  STRICT_PORTS: choice(['0', '1'], { about: 'With 1 a replica whose port is in use is refused.', default: '0' }),
  STATE_DIR: text({ about: 'Data, logs, secrets, stack.json.', default: DEFAULT_STATE_DIR }),
  DEMO_PASSWORD: Type.Optional(text({ about: 'The demo accounts’ password; by default random ones.' })),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'A PostgreSQL to use instead of starting one.',
      wants: 'a URL such as postgres://user:password@host:5432/database',
    }),
  ),
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ROLE: choice(['reader', 'editor', 'admin'], { about: 'The demo account of `make token`.', default: 'reader' }),
}

export type Settings = ConfigOf<typeof settings>
export type Environment = Record<string, string | undefined>

/** What decides how a running stack looks; the others matter to one command only. */
const SHAPE = [
  'GATEWAYS',
  'CACHE_TTL',
  'DB_LATENCY',
  'POLICY',
  'SAMPLE_ITEMS',
  'PORT_OFFSET',
  'DEMO_PASSWORD',
  'DATABASE_URL',
  'LOG_LEVEL',
] as const satisfies readonly (keyof Settings)[]
const SECRET: readonly string[] = ['DEMO_PASSWORD', 'DATABASE_URL']

/**
 * The names of the variables on make's command line, which it leaves in MAKEFLAGS after ` -- ` with blanks escaped.
 * Their values it puts into the environment itself.
 */
export function commandLineNames(makeflags: string): string[] {
  const [, variables = ''] = /(?:^|\s)--\s(.*)$/s.exec(makeflags) ?? []
  return (variables.match(/(?:\\.|[^\s\\])+/gs) ?? []).flatMap((word) => /^([^\s:=+?!]+)[:+?!]*=/.exec(word)?.[1] ?? [])
}

/**
 * Reads the settings. A variable on make's command line was meant for us and must be one of ours; the environment
 * holds much that was not, so there only slips count.
 *
 * @throws {ConfigError} naming every mistake.
 */
export function readSettings(environment: Environment): Settings {
  let config: Settings | undefined
  let mistakes: readonly string[]
  try {
    config = readConfig(settings, environment)
    mistakes = contradictions(config)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    mistakes = error.mistakes
  }
  const known = Object.keys(settings)
  const strangers = commandLineNames(environment['MAKEFLAGS'] ?? '')
    .filter((name) => !(known.includes(name) || mistakes.some((mistake) => mistake.startsWith(`${name} is not`))))
    .map((name) => `${name} is not a setting here; known are ${known.join(', ')}`)
  if (!config || strangers.length + mistakes.length > 0) throw new ConfigError([...strangers, ...mistakes])
  return config
}

/** A password that everybody knows must not open a database that others can reach. */
function contradictions({ DEMO_PASSWORD, DATABASE_URL }: Settings): string[] {
  if (DEMO_PASSWORD === undefined || DATABASE_URL === undefined) return []
  const host = URL.parse(DATABASE_URL)?.hostname ?? ''
  if (/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)) return []
  return [`DEMO_PASSWORD is for stacks on loopback only, and DATABASE_URL leads to ${host}`]
}

/** The settings as they were written, for whoever reads them again: those that shape a stack and were given. */
export function givenTexts(environment: Environment): Record<string, string> {
  return Object.fromEntries(SHAPE.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])))
}

export interface Difference {
  name: string
  running: string
  asked: string
}

/** What would change if a stack that runs with the texts `running` were started with `asked`. */
export function differences(running: Environment, asked: Environment): Difference[] {
  const [before, after] = [readConfig(settings, running), readConfig(settings, asked)]
  return SHAPE.filter((name) => before[name] !== after[name]).map((name) => ({
    name,
    running: shown(name, running),
    asked: shown(name, asked),
  }))
}

function shown(name: (typeof SHAPE)[number], texts: Environment): string {
  const given = texts[name]
  if (given && SECRET.includes(name)) return '(secret)'
  return given || String((settings[name] as { default?: unknown }).default ?? '(not set)')
}

/** The settings given, as they would be typed after `make up`; secrets keep their names only. */
export function asTyped(texts: Record<string, string>): string {
  return Object.entries(texts)
    .map(([name, value]) => ` ${name}=${SECRET.includes(name) ? '...' : quoted(value)}`)
    .join('')
}

/** For a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
