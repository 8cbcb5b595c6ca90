export { Database, type Statement } from './database.ts'
export { errors as databaseProblems } from './errors.ts'
export { MigrationError, migrate } from './migrations.ts'
export { trouble } from './trouble.ts'
