/** The balancer's settings. */
import { type ConfigOf, choice, commonSettings, list, origins, port, text } from '@spillway/service'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port of the front door; 0 lets the system choose.', default: 8000 }),
  SPILLWAY_UPSTREAMS: origins({ about: 'Where requests go: the gateways’ origins, or dns+http://name:port.' }),
  POLICY: choice(['round-robin'], { about: 'How one of the usable gateways is chosen.', default: 'round-robin' }),
  DENY_PATHS: list({ about: 'Paths that strangers may not ask for, with all below them.', default: '/metrics' }),
  ADMIN_PORT: port({ about: 'Port for operators; 0 lets the system choose.', default: 8001 }),
  ADMIN_HOST: text({ about: 'Address the operators’ port listens on.', default: '127.0.0.1' }),
}
export type Config = ConfigOf<typeof settings>
