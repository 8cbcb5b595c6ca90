/** What `make up` can be told, read from the environment and from make's command line. */
import { issuerSettings } from '@spillway/auth'
import {
  ConfigError,
  type ConfigOf,
  choice,
  commonSettings,
  duration,
  readConfig,
  readMakeConfig,
  text,
  whole,
  withFiles,
} from '@spillway/service'
import { policyText } from '@spillway/upstreams'
import { Type } from 'typebox'
import { DEFAULT_STATE_DIR } from './state.ts'

export const settings = {
  GATEWAYS: whole({ about: 'How many gateways.', minimum: 1, maximum: 50, default: 3 }),
  MICROSERVICES: whole({ about: 'How many microservices.', minimum: 1, maximum: 50, default: 2 }),
  WORKERS: whole({ about: 'How many job workers.', minimum: 1, maximum: 50, default: 1 }),
  PROCESSES: whole({
    about: 'Processes of each microservice; 0 shares the cores out among them.',
    minimum: 0,
    maximum: 256,
    default: 0,
  }),
  CACHE_TTL: duration({ about: 'How long answers may be cached.', default: '30s' }),
  DB_LATENCY: duration({ about: 'What the db service waits before each answer.', default: '0s' }),
  PROCESS_LATENCY: duration({ about: 'What a microservice waits before it computes.', default: '0s' }),
  GATEWAY_CONCURRENCY: whole({
    about: 'Requests at once in each gateway, the rest in line; 0 sets no limit.',
    minimum: 0,
    maximum: 100_000,
    default: 0,
  }),
  REMOTE_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'What GET / leads to; by default a microservice.',
      wants: 'an http or https URL such as https://example.com/base/',
    }),
  ),
  ROUTES_FILE: Type.Optional(text({ about: 'The routes that the gateways serve; by default Spillway’s own API.' })),
  ...issuerSettings,
  LOGINS_PER_ADDRESS: logins('an address', 120),
  LOGINS_PER_ACCOUNT: logins('an account from addresses new to it', 30),
  POLICY: Type.String({ ...policyText, description: 'How the balancer chooses a gateway.', default: 'p2c-ewma' }),
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
  CACHE_URL: Type.Optional(
    Type.String({
      pattern: '^(https?|rediss?)://',
      description: 'A shared cache to use instead of starting one, Valkey or Redis for example.',
      wants: 'a URL such as redis://user:password@host:6379/0',
    }),
  ),
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  ROLE: choice(['reader', 'editor', 'admin'], { about: 'The demo account of `make token`.', default: 'reader' }),
}

function logins(whose: string, usual: number) {
  return whole({
    about: `Sign-ins a minute of ${whose}, at each gateway.`,
    minimum: 1,
    maximum: 1_000_000,
    default: usual,
  })
}

export type Settings = ConfigOf<typeof settings>
export type Environment = Record<string, string | undefined>

/** What decides how a running stack looks; the others matter to one command only. */
const SHAPE = [
  'GATEWAYS',
  'MICROSERVICES',
  'WORKERS',
  'PROCESSES',
  'CACHE_TTL',
  'DB_LATENCY',
  'PROCESS_LATENCY',
  'GATEWAY_CONCURRENCY',
  'REMOTE_URL',
  'ROUTES_FILE',
  'AUTH_JWKS_URL',
  'AUTH_JWKS_ALLOW_ADDRESSES',
  'AUTH_ISSUER',
  'AUTH_AUDIENCE',
  'AUTH_ROLES_CLAIM',
  'LOGINS_PER_ADDRESS',
  'LOGINS_PER_ACCOUNT',
  'POLICY',
  'SAMPLE_ITEMS',
  'PORT_OFFSET',
  'DEMO_PASSWORD',
  'DATABASE_URL',
  'CACHE_URL',
  'LOG_LEVEL',
] as const satisfies readonly (keyof Settings)[]
export const SECRET: readonly string[] = ['DEMO_PASSWORD', 'DATABASE_URL', 'CACHE_URL']

/** @throws {ConfigError} naming every mistake. */
export function readSettings(environment: Environment): Settings {
  return readMakeConfig(settings, environment, contradictions)
}

/**
 * The environment with what files hold in the places of their names (`CACHE_URL_FILE`): read once, for all that is
 * started, and so that a stack is known to run with other settings when they change.
 *
 * @throws {ConfigError} naming every one that cannot be read
 */
export function readFiles(environment: Environment): Environment {
  const { given, unreadable } = withFiles(environment, Object.keys(settings))
  if (unreadable.size > 0) throw new ConfigError([...unreadable.values()])
  return given
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

/** The settings in force, defaults included, for whoever reads `stack.json`; no secret is among them. */
export function effectiveTexts(texts: Environment): Record<string, string> {
  const named = SHAPE.filter((name) => !SECRET.includes(name) && (texts[name] || 'default' in settings[name]))
  return Object.fromEntries(named.map((name) => [name, shown(name, texts)]))
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
