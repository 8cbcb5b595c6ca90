/**
 * Counts every test of the last run from vitest's own reports and ends with `N passed, N failed, N skipped`.
 * Arguments: the folder of the reports. A test that fails, a skip that `.ci/skips.json` does not list, a suite with test
 * files but no report, and no test at all each end with exit code 1.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { workspaces } from './workspaces.ts'

interface Report {
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { fullName: string; status: string }[]
  }[]
}

const reports = process.argv[2] ?? '.reports'
const skips = existsSync('.ci/skips.json')
  ? (JSON.parse(readFileSync('.ci/skips.json', 'utf8')) as Record<string, string>)
  : {}

const counted = { passed: 0, failed: 0, skipped: 0 }
const faults: string[] = []

function count(suite: string, { testResults }: Report): void {
  for (const file of testResults) {
    // A file that broke outside its tests has none to count, and must not pass for that.
    const broken = file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')
    if (broken) {
      counted.failed++
      faults.push(`failed: ${file.name}: ${file.message}`)
    }
    for (const test of file.assertionResults) countTest(`${suite}: ${test.fullName}`, test.status)
  }
}

function countTest(name: string, status: string): void {
  if (status === 'passed') {
    counted.passed++
  } else if (status === 'failed') {
    counted.failed++
    faults.push(`failed: ${name}`)
  } else {
    counted.skipped++
    const reason = skips[name]
    if (reason) console.log(`skipped: ${name} (${reason})`)
    else faults.push(`skipped without a reason in .ci/skips.json: ${name}`)
  }
}

const files = existsSync(reports) ? readdirSync(reports).filter((file) => file.endsWith('.json')) : []
for (const file of files.sort()) {
  try {
    count(path.basename(file, '.json'), JSON.parse(readFileSync(path.join(reports, file), 'utf8')) as Report)
  } catch (error) {
    faults.push(`the report ${file} cannot be read: ${error}`)
  }
}
for (const { folder, suites } of workspaces('.')) {
  for (const suite of suites) {
    const name = `${folder.replaceAll('/', '-')}.${suite}`
    if (!files.includes(`${name}.json`)) faults.push(`no report of ${name}, which has test files`)
  }
}
if (counted.passed + counted.failed === 0) faults.push('no test ran')

for (const fault of faults) console.log(fault)
console.log(`${counted.passed} passed, ${counted.failed} failed, ${counted.skipped} skipped`)
process.exitCode = faults.length > 0 ? 1 : 0
