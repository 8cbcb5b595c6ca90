/** How each app is run as a process: its file and what its environment tells it. */
import os from 'node:os'
import path from 'node:path'
import { policyNames } from '@spillway/upstreams'
import { MARK } from './processes.ts'
import { secretFiles } from './secrets.ts'
import { type Environment, type Settings, settings } from './settings.ts'
import type { StateDir } from './state.ts'

export const ROOT = path.resolve(import.meta.dirname, '../../..')

export const APPS = ['balancer', 'gateway', 'cache', 'db', 'microservice', 'worker'] as const
export type App = (typeof APPS)[number]

export const entry = (app: App, file = 'main') => path.join(ROOT, 'apps', app, 'src', `${file}.ts`)

/** Where everything is, for those who call it. */
export interface Addresses {
  /** With its password, where it has one. */
  cache: string
  db: string
  gateways: readonly string[]
  microservices: readonly string[]
  workers: readonly string[]
  /** With its password. */
  database: string
}

/** What an app must be told to find the rest of the stack. */
export function appEnvironment(app: App, config: Settings, state: StateDir, addresses: Addresses): Environment {
  const secrets = secretFiles(state)
  switch (app) {
    case 'balancer':
      return { SPILLWAY_UPSTREAMS: addresses.gateways.join(','), POLICY: policyOf(config) }
    case 'gateway':
      return {
        CACHE_URL: addresses.cache,
        DB_URL: addresses.db,
        MICROSERVICE_URL: addresses.microservices.join(','),
        WORKER_URL: addresses.workers.join(','),
        REMOTE_URL: config.REMOTE_URL ?? addresses.microservices[0],
        ...identity(config, { SIGNING_KEYS_FILE: secrets.signingKeys }),
        GATEWAY_CONCURRENCY: String(config.GATEWAY_CONCURRENCY),
        ...(config.ROUTES_FILE === undefined ? {} : { ROUTES_FILE: path.resolve(ROOT, config.ROUTES_FILE) }),
        LOGINS_PER_ADDRESS: String(config.LOGINS_PER_ADDRESS),
        LOGINS_PER_ACCOUNT: String(config.LOGINS_PER_ACCOUNT),
      }
    case 'cache':
      return {}
    case 'db':
      return {
        DATABASE_URL: addresses.database,
        ...identity(config, { VERIFY_KEYS_FILE: secrets.verifyKeys }),
        CACHE_TTL: `${config.CACHE_TTL}ms`,
        DB_LATENCY: `${config.DB_LATENCY}ms`,
      }
    case 'microservice':
      return {
        PROCESSES: String(
          config.PROCESSES || Math.max(1, Math.floor(os.availableParallelism() / config.MICROSERVICES)),
        ),
        CACHE_TTL: `${config.CACHE_TTL}ms`,
        PROCESS_LATENCY: `${config.PROCESS_LATENCY}ms`,
      }
    case 'worker':
      return {
        DATABASE_URL: addresses.database,
        DB_URL: addresses.db,
        ...identity(config, { VERIFY_KEYS_FILE: secrets.verifyKeys }),
      }
  }
}

/** Whose tokens are taken: those of an outside issuer, where one is named, in place of ours. */
function identity(config: Settings, ours: Environment): Environment {
  const { AUTH_JWKS_URL, AUTH_JWKS_ALLOW_ADDRESSES, AUTH_ISSUER, AUTH_AUDIENCE, AUTH_ROLES_CLAIM } = config
  const issuer = { AUTH_JWKS_URL, AUTH_JWKS_ALLOW_ADDRESSES, AUTH_ISSUER, AUTH_AUDIENCE, AUTH_ROLES_CLAIM }
  return AUTH_JWKS_URL === undefined ? ours : issuer
}

/** A file of one's own is named from where `make` runs, wherever the balancer does. */
function policyOf({ POLICY }: Settings): string {
  return policyNames.some((name) => name === POLICY) ? POLICY : path.resolve(ROOT, POLICY)
}

/** The environment every process of the stack begins with: ours without what is meant for `make up` itself. */
export function baseEnvironment(environment: Environment, config: Settings, state: StateDir): Environment {
  const dropped = new Set([...Object.keys(settings), 'MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'PORT', 'ADMIN_HOST'])
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !dropped.has(name))),
    // csh and zsh users may have HOST: the machine's name, where nothing of ours must listen.
    HOST: '127.0.0.1',
    LOG_LEVEL: config.LOG_LEVEL,
    [MARK]: state.path,
  }
}
