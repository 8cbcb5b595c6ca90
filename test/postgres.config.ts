/** The root's test configuration with a real PostgreSQL running, for the suites that need one: `inject('postgresUrl')`. */
import path from 'node:path'
import { mergeConfig } from 'vitest/config'
import root from '../vitest.config.ts'

export default mergeConfig(root, { test: { globalSetup: path.join(import.meta.dirname, 'postgres.ts') } })
