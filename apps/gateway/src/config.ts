/** The gateway's settings. */
import { fileURLToPath } from 'node:url'
import { issuerSettings } from '@spillway/auth'
import {
  baseUrl,
  type ConfigOf,
  cidrs,
  commonSettings,
  duration,
  origins,
  port,
  size,
  text,
  whole,
} from '@spillway/service'
import { Type } from 'typebox'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5000 }),
  CACHE_URL: Type.String({
    pattern: '^(https?://[^\\s,/]+/?|rediss?://[^\\s,/]+(/\\d{0,4})?)$',
    description: 'The shared cache: the cache service, or Valkey or Redis.',
    wants: 'an origin such as http://127.0.0.1:5004, or a URL such as redis://user:password@127.0.0.1:6379/0',
    default: 'http://127.0.0.1:5004',
  }),
  DB_URL: origins({
    about: 'The db service’s endpoints; the routes file may name them.',
    default: 'http://127.0.0.1:5002',
  }),
  MICROSERVICE_URL: origins({
    about: 'The microservices’ endpoints; the routes file may name them.',
    default: 'http://127.0.0.1:5001',
  }),
  WORKER_URL: origins({
    about: 'The workers’ endpoints; the routes file may name them.',
    default: 'http://127.0.0.1:5005',
  }),
  REMOTE_URL: baseUrl({
    about: 'Any URL; the routes file may name its parts as REMOTE_ORIGIN and REMOTE_PATH.',
    default: 'http://127.0.0.1:5001',
  }),
  ROUTES_FILE: text({
    about: 'The routes that are served.',
    default: fileURLToPath(new URL('../gateway.routes.yaml', import.meta.url)),
  }),
  SIGNING_KEYS_FILE: Type.Optional(
    text({ about: 'The keys that sign and verify tokens, a JWK set with private halves; /login is there with it.' }),
  ),
  ...issuerSettings,
  GATEWAY_CONCURRENCY: whole({
    about: 'Requests to routes of the routes file at work at once, the rest in line; 0 sets no limit.',
    minimum: 0,
    maximum: 100_000,
    default: 0,
  }),
  SHED_LAG: duration({
    about: 'How late the event loop may be before requests are refused, more and more of them; 0s never.',
    default: '250ms',
  }),
  SHED_IN_FLIGHT: whole({
    about: 'Requests under way at which all are refused that may be, and half of which are none; 0 sets no limit.',
    minimum: 0,
    maximum: 1_000_000,
    default: 0,
  }),
  L1_MAX_BYTES: size({
    about: 'Room for the answers this process keeps for itself, bookkeeping included; 1B keeps none.',
    default: '64MiB',
  }),
  LOGINS_PER_ADDRESS: logins('an address', 120),
  LOGINS_PER_ACCOUNT: logins('an account from addresses new to it', 30),
  HSTS_MAX_AGE: whole({
    about: 'Seconds for which browsers are to come over TLS alone, told to those that came so; 0 tells nothing.',
    minimum: 0,
    maximum: 2_000_000_000,
    default: 0,
  }),
  TRUSTED_PROXIES: cidrs({
    about: 'CIDRs of the peers whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are believed.',
    default: '127.0.0.0/8,::1/128',
  }),
}
/**
 * Enough for everybody behind one address and for whoever makes a token for each command; far too few for guessing.
 * (IPv6 addresses count by their /64.)
 */
function logins(whose: string, usual: number) {
  return whole({ about: `Sign-ins a minute of ${whose}.`, minimum: 1, maximum: 1_000_000, default: usual })
}

export type Config = ConfigOf<typeof settings>
