/** The one test configuration: every package's scripts run vitest with it, each in its own folder. */
import path from 'node:path'
import { defineConfig } from 'vitest/config'

const reports = process.env['REPORTS_DIR']

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    passWithNoTests: true,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: reports ? ['default', 'json'] : ['default'],
    ...(reports ? { outputFile: { json: path.join(reports, `${suite()}.json`) } } : {}),
  },
})

/** `apps-cache.src`: package and suite, so that no report overwrites another's; `.ci/count.ts` asks for these names. */
function suite(): string {
  const folder = path.relative(import.meta.dirname, process.cwd()).replaceAll(path.sep, '-')
  const named = process.argv.indexOf('--dir')
  return `${folder || 'root'}.${named > 0 ? process.argv[named + 1] : 'all'}`
}
