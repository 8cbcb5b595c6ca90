/** The worker's settings. */
import { issuerSettings } from '@spillway/auth'
import { type ConfigOf, commonSettings, origins, port, text, whole } from '@spillway/service'
import { Type } from 'typebox'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5005 }),
  DATABASE_URL: text({ about: 'The PostgreSQL that keeps the jobs: postgres://user:password@host:port/database.' }),
  VERIFY_KEYS_FILE: Type.Optional(
    text({ about: 'Key set (JWKS) whose tokens may have jobs; the public half is enough.' }),
  ),
  ...issuerSettings,
  DB_URL: origins({
    about: 'The db service’s endpoints, for reports and for what was revoked.',
    default: 'http://127.0.0.1:5002',
  }),
  JOB_CONCURRENCY: whole({ about: 'How many jobs this process runs at once.', minimum: 1, maximum: 64, default: 4 }),
}
export type Config = ConfigOf<typeof settings>
