/** The settings of the database service, and of the one-shot that prepares its database. */
import { issuerSettings } from '@spillway/auth'
import { type ConfigOf, cachingSettings, choice, commonSettings, duration, port, text, whole } from '@spillway/service'
import { Type } from 'typebox'

const DATABASE_URL = text({ about: 'The PostgreSQL to use: postgres://user:password@host:port/database.' })

export const settings = {
  ...commonSettings,
  ...cachingSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5002 }),
  DATABASE_URL,
  VERIFY_KEYS_FILE: Type.Optional(text({ about: 'Key set (JWKS) whose tokens may write; the public half is enough.' })),
  ...issuerSettings,
  DB_LATENCY: duration({ about: 'Added before each query, as if PostgreSQL were slow or far.', default: '0s' }),
}
export type Config = ConfigOf<typeof settings>

export const initSettings = {
  ...commonSettings,
  DATABASE_URL,
  SPILLWAY_DEMO: choice(['0', '1'], { about: 'Whether to make sample items and demo accounts.', default: '0' }),
  SAMPLE_ITEMS: whole({ about: 'How many sample items a demo has.', minimum: 0, maximum: 1_000_000, default: 1000 }),
  ACCOUNTS_FILE: Type.Optional(text({ about: 'The demo’s accounts: JSON [{"username","password","roles"}].' })),
}

export const usersSettings = { DATABASE_URL, SPILLWAY_STATE_DIR: commonSettings.SPILLWAY_STATE_DIR }
