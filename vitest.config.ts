/** The one test configuration: every package's scripts run vitest with it, each in its own folder. */
import path from 'node:path'
import { defineConfig } from 'vitest/config'

const reports = process.env['REPORTS_DIR']
const named = process.argv.indexOf('--dir')
const suite = named > 0 ? (process.argv[named + 1] ?? '') : 'all'
const folder = path.relative(import.meta.dirname, process.cwd()).replaceAll(path.sep, '-')

export default defineConfig({
  test: {
    // What one process has compiled the next need not: starting one costs a third less, and tests start hundreds.
    env: { NODE_COMPILE_CACHE: path.join(import.meta.dirname, 'node_modules/.cache/spillway-tests') },
    include: ['**/*.test.ts'],
    passWithNoTests: true,
    // An end-to-end test may start a stack twice.
    testTimeout: suite === 'e2e' ? 60_000 : 20_000,
    hookTimeout: suite === 'e2e' ? 60_000 : 30_000,
    // What is polled for comes at once on an idle machine; one second is short on a busy one.
    expect: { poll: { timeout: 10_000 } },
    // Integration tests wait more than they work: on two cores vitest would run one file at a time.
    ...(suite === 'test' ? { maxWorkers: 2 } : {}),
    // Two suites share the cores there, and the product's own limits are short (250 ms for the cache): once more, if late.
    retry: process.env['CI'] && suite === 'test' ? 1 : 0,
    // Most end-to-end files start a stack of their own.
    fileParallelism: suite !== 'e2e',
    reporters: reports ? ['default', 'json'] : ['default'],
    // `apps-cache.src.json`: no report overwrites another's; `.ci/count.ts` asks for these names.
    ...(reports ? { outputFile: { json: path.join(reports, `${folder}.${suite}.json`) } } : {}),
  },
})
