export { Database, type DatabaseOptions, type Statement } from './database.ts'
export { MigrationError, migrate } from './migrations.ts'
