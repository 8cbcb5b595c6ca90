/** What the laboratory can be told, read from the environment and from make's command line. */
import { type ConfigOf, choice, duration, readMakeConfig, text, whole } from '@spillway/service'
import { Type } from 'typebox'

const settings = {
  DURATION: Type.Optional(
    duration({
      about:
        'How long each test lasts; by default 60s, 30s for `make stress`, 10s to 30s for a part of `make bench-balancer`, `make bench-cache` and `make bench-gateway`, 20m for `make soak-balancer`.',
    }),
  ),
  SHAPE: choice(['users', 'closed', 'both'], { about: 'Which load a test gets.', default: 'both' }),
  PROFILE: choice(['classic', 'full'], { about: 'Whether a stack started here is held back.', default: 'classic' }),
  USERS: whole({ about: 'Users at once in the shape `users`.', minimum: 1, maximum: 20_000, default: 1000 }),
  CONNECTIONS: whole({ about: 'Connections in the shape `closed`.', minimum: 1, maximum: 1024, default: 64 }),
  CLIENTS: whole({ about: 'Clients of `make load`.', minimum: 1, maximum: 1024, default: 50 }),
  REQUESTS: whole({ about: 'Requests of `make load`.', minimum: 1, maximum: 10_000_000, default: 1000 }),
  ACCOUNTS: whole({ about: 'Accounts of `make load-accounts`.', minimum: 1, maximum: 100_000, default: 100 }),
  PART: Type.Optional(
    text({ about: 'Which part of `make bench-balancer` or `make bench-cache`; by default all of them.' }),
  ),
  ROUNDS: whole({
    about: 'Rounds of `make bench-balancer`, `make bench-cache` and `make bench-gateway`.',
    minimum: 1,
    maximum: 100,
    default: 3,
  }),
  RATE: whole({
    about: 'Requests a second of an open load; before bad upstreams more would saturate the slow one.',
    minimum: 10,
    maximum: 1000,
    default: 500,
  }),
  ENDPOINTS: Type.Optional(
    whole({
      about: 'How many endpoints in `make simulate-policies`; by default 10, 100 and 1000.',
      minimum: 10,
      maximum: 1000,
    }),
  ),
  SEED: whole({ about: 'Of `make simulate-policies`.', minimum: 0, maximum: 2 ** 31 - 1, default: 1 }),
  RESULTS_DIR: text({ about: 'Where results go, each time into a folder of their own.', default: 'results' }),
  RESULTS: Type.Optional(text({ about: 'The folder that `make report` reads; by default the newest in RESULTS_DIR.' })),
  STATE_DIR: text({ about: 'The stack that is up.', default: '.spillway' }),
  PORT_OFFSET: Type.Optional(
    whole({
      about: 'Added to the ports of a stack started here; by default one that is free.',
      minimum: 0,
      maximum: 57_534,
    }),
  ),
}
export type Settings = ConfigOf<typeof settings>
export type Environment = Readonly<Record<string, string | undefined>>

/** @throws {ConfigError} naming every mistake */
export const readSettings = (environment: Environment): Settings =>
  readMakeConfig(settings, environment, ({ DURATION }) =>
    DURATION !== undefined && (DURATION < SHORTEST_MS || DURATION > LONGEST_MS)
      ? [`DURATION is ${DURATION / 1000} s; it must be from 1s to 1h`]
      : [],
  )

const SHORTEST_MS = 1000
const LONGEST_MS = 3_600_000
