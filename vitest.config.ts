// The one test configuration: every package's scripts run vitest with it, each in its own folder.
import path from 'node:path'
import { defineConfig } from 'vitest/config'

const reports = process.env['REPORTS_DIR']
const suite = `${path.basename(process.cwd())}-${process.argv.at(-1)}`

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    passWithNoTests: true,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports ? { outputFile: { json: path.join(reports, `${suite}.json`) } } : {}),
  },
})
