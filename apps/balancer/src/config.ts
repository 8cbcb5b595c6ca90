/** The balancer's settings. */
import { type ConfigOf, choice, cidrs, commonSettings, list, origins, port, text } from '@spillway/service'
import { policyNames } from '@spillway/upstreams'
import { Type } from 'typebox'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port of the front door; 0 lets the system choose.', default: 8000 }),
  SPILLWAY_UPSTREAMS: origins({ about: 'Where requests go: the gateways’ origins, or dns+http://name:port.' }),
  POLICY: choice(policyNames, { about: 'How one of the usable gateways is chosen.', default: 'p2c-ewma' }),
  DENY_PATHS: list({ about: 'Paths that strangers may not ask for, with all below them.', default: '/metrics' }),
  TRUSTED_PROXIES: cidrs({
    about: 'Addresses and CIDRs of the peers whose `Forwarded` and `X-Forwarded-*` are believed.',
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
}
export type Config = ConfigOf<typeof settings>
