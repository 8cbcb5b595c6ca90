/** For the tests of services over PostgreSQL, under `test/postgres.config.ts` of the root. */
export { connect, createDatabase, type TestDatabase } from './database.ts'
export { wireTo } from './wire.ts'
