/** The worker's settings. */
import { type ConfigOf, commonSettings, origins, port, text, whole } from '@spillway/service'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5005 }),
  DATABASE_URL: text({ about: 'The PostgreSQL that keeps the jobs: postgres://user:password@host:port/database.' }),
  VERIFY_KEYS_FILE: text({ about: 'Key set (JWKS) whose tokens may have jobs; the public half is enough.' }),
  DB_URL: origins({ about: 'The db service’s endpoints, which reports read.', default: 'http://127.0.0.1:5002' }),
  JOB_CONCURRENCY: whole({ about: 'How many jobs this process runs at once.', minimum: 1, maximum: 64, default: 4 }),
}
export type Config = ConfigOf<typeof settings>
