/** The gateway's settings. */
import { fileURLToPath } from 'node:url'
import { type ConfigOf, commonSettings, list, origins, port, text } from '@spillway/service'
import { Type } from 'typebox'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5000 }),
  CACHE_URL: Type.String({
    pattern: '^https?://[^\\s,/]+/?$',
    description: 'The shared cache service.',
    wants: 'an origin such as http://127.0.0.1:5004',
    default: 'http://127.0.0.1:5004',
  }),
  DB_URL: origins({
    about: 'The db service’s endpoints; the routes file may name them.',
    default: 'http://127.0.0.1:5002',
  }),
  ROUTES_FILE: text({
    about: 'The routes that are served.',
    default: fileURLToPath(new URL('../gateway.routes.yaml', import.meta.url)),
  }),
  SIGNING_KEYS_FILE: text({ about: 'The keys that sign and verify tokens, a JWK set with private halves.' }),
  TRUSTED_PROXIES: list({
    about: 'CIDRs of the peers whose `Forwarded` and `X-Forwarded-*` are believed.',
    default: '127.0.0.0/8,::1/128',
  }),
}
export type Config = ConfigOf<typeof settings>
