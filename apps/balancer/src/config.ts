/** The balancer's settings. */
import { HASH_KEY, WANTED_HASH_KEY } from '@spillway/clusters'
import { type ConfigOf, choice, cidrs, commonSettings, list, origins, port, text } from '@spillway/service'
import { policyText } from '@spillway/upstreams'
import { Type } from 'typebox'

const common = {
  ...commonSettings,
  PORT: port({ about: 'Port of the front door; 0 lets the system choose.', default: 8000 }),
  DENY_PATHS: list({ about: 'Paths that strangers may not ask for, with all below them.', default: '/metrics' }),
  TRUSTED_PROXIES: cidrs({
    about: 'Addresses and CIDRs of the peers whose `Forwarded`, `X-Forwarded-*` and `X-Request-Id` are believed.',
    default: '',
  }),
  TLS_CERT: Type.Optional(text({ about: 'PEM file of the certificate for clients; read again when it changes.' })),
  TLS_KEY: Type.Optional(text({ about: 'PEM file of its key.' })),
  SUPERVISED: choice(['0', '1'], {
    about:
      'With 1 a process above this one keeps the sockets, starts it again, and at SIGUSR2 has a new one take over.',
    default: '0',
  }),
  ADMIN_PORT: port({ about: 'Port for operators; 0 lets the system choose.', default: 8001 }),
  ADMIN_HOST: text({ about: 'Address the operators’ port listens on.', default: '127.0.0.1' }),
  ADMIN_HOSTS: list({ about: 'Names by which it may be asked, beside localhost and addresses.', default: '' }),
}

/** One cluster for everything, without a file. */
const simple = {
  ...common,
  SPILLWAY_UPSTREAMS: origins({ about: 'Where requests go: the gateways’ origins, or dns+http://name:port.' }),
  POLICY: Type.String({
    ...policyText,
    description: 'How one of the usable gateways is chosen: by name, or by a file of one’s own.',
    default: 'p2c-ewma',
  }),
  CHECK_PATH: Type.String({
    description: 'The path that a usable gateway answers with 2xx, asked for every 2 s; none takes all as usable.',
    pattern: '^(none|/[!-"$-~]*)$',
    wants: 'a path such as /ready, or none',
    default: '/ready',
  }),
  HASH_BY: Type.Optional(
    Type.String({
      description: 'What the policy hash keeps together; path where it is not set.',
      pattern: HASH_KEY,
      wants: WANTED_HASH_KEY,
    }),
  ),
}

const filed = {
  ...common,
  BALANCER_FILE: text({ about: 'The file of clusters and routes; SPILLWAY_UPSTREAMS is no setting beside it.' }),
}

export type Config = ConfigOf<typeof simple> | ConfigOf<typeof filed>

/** What is a setting depends on where clusters come from. */
export function settingsFor(environment: Readonly<Record<string, string | undefined>>): typeof simple | typeof filed {
  return environment['BALANCER_FILE'] ? filed : simple
}
