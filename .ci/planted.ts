/**
 * Proves the checks: a small workspace under this repository's own configuration passes every check, and with one
 * violation per rule laid over it (`.ci/planted/RULE/`, each a file or a package of its own) every rule speaks up.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.dirname(import.meta.dirname)
const planted = path.join(import.meta.dirname, 'planted')
const BIN = path.join(root, 'node_modules/.bin')
const SHARED = [
  'biome.json',
  'knip.json',
  'turbo.json',
  'tsconfig.json',
  'tsconfig.base.json',
  'vitest.config.ts',
  '.remarkrc.json',
]

/** Command lines as package.json has them, run in the planted workspace. */
const CHECKS = {
  biome: 'biome check --error-on-warnings --max-diagnostics=none --reporter=github .',
  boundaries: 'turbo boundaries',
  knip: 'knip --no-config-hints --reporter compact',
  links: 'remark --frail --quiet --no-stdout --no-color README.md docs',
  repository: `node ${path.join(root, '.ci/repository.ts')}`,
  types: 'tsc --noEmit',
  tests: `vitest run --config ../../vitest.config.ts --root . --dir src`,
  count: `node ${path.join(root, '.ci/count.ts')} .reports`,
} as const
type Check = keyof typeof CHECKS

type Says = Partial<Record<Check, RegExp>>

/** Per folder of `.ci/planted`: which checks must speak up, and what each must say. */
const VIOLATIONS: Record<string, Says> = {
  'app-to-app': {
    boundaries: /@planted\/one` found without any tag listed in allowlist for\s+\|? `@planted\/sideways/,
  },
  'broken-link': { links: /gone\.md.*\s.*not-there/ },
  'broken-test-file': { count: /failed: .*broken\.test\.ts/ },
  'development-dependency': { biome: /noUndeclaredDependencies.*development\.ts/ },
  'failing-test': { count: /failed: packages-kit\.src: fails/ },
  'floating-promise': { biome: /noFloatingPromises.*floating\.ts/ },
  'import-cycle': { biome: /noImportCycles.*cycle-a\.ts/ },
  'leaves-package': { boundaries: /leaves\.ts/ },
  'lost-cause': { biome: /useErrorCause.*lost\.ts/ },
  'misdocumented-error': { repository: /no row of documented in docs\/errors\.md has the status 410/ },
  'missing-report': { count: /no report of packages-kit\.test/ },
  'misused-promise': { biome: /noMisusedPromises.*misused\.ts/ },
  only: { biome: /noFocusedTests.*only\.test\.ts/ },
  'process-env': { biome: /noProcessEnv.*environment\.ts/ },
  're-export-all': { biome: /noReExportAll.*barrel\.ts/ },
  'too-complex': { biome: /noExcessiveCognitiveComplexity.*complex\.ts/ },
  'type-error': { types: /mistyped\.ts.*TS2322/ },
  'undeclared-dependency': {
    biome: /noUndeclaredDependencies.*undeclared\.ts/,
    boundaries: /cannot import package `knip`/,
  },
  'undocumented-error': { repository: /the code undocumented is not in docs\/errors\.md/ },
  unformatted: { biome: /format.*unformatted\.ts/ },
  'unlisted-skip': { count: /skipped without a reason.*is not looked at/ },
  'untagged-package': { repository: /packages\/untagged has no tag/ },
  'unused-dependency': { knip: /packages\/idle\/package\.json.*undici/ },
  'unused-entry-export': { knip: /init\.ts.*nobodyAsks/ },
  'unused-export': { knip: /exports\.ts.*unused/ },
  'unused-file': { knip: /forgotten\.ts/ },
  'wrong-direction': {
    boundaries: /@planted\/one` found without any tag listed in allowlist for\s+\|? `@planted\/upward/,
  },
}

/** What cannot lie in this repository, since its own checks would find it: written into the planted workspace instead. */
const WRITTEN: Record<string, { file: string; text: string; says: Says }> = {
  'long-file': {
    file: 'apps/one/src/long.ts',
    text: Array.from({ length: 301 }, (_, n) => `export const n${n} = ${n}\n`).join(''),
    says: { biome: /noExcessiveLinesPerFile.*long\.ts/ },
  },
  unfinished: {
    file: 'docs/a.txt',
    text: `// TO${'DO'}: later`,
    says: { repository: /a\.txt:1 holds unfinished/ },
  },
  'machine-path': { file: 'docs/b.txt', text: `cd /${'root'}/it`, says: { repository: /b\.txt:1 holds a path/ } },
  'registry-host': {
    file: 'docs/c.txt',
    text: `see registry.${'npmjs'}.org`,
    says: { repository: /c\.txt:1 holds a registry host/ },
  },
  'download-address': {
    file: 'pnpm-lock.yaml',
    text: `lockfileVersion: '9.0'\nresolution: {tarball: https://example.test/a}\n`,
    says: { repository: /pnpm-lock\.yaml:2 holds a download address/ },
  },
  generated: {
    file: 'apps/one/dist/main.txt',
    text: 'built',
    says: { repository: /dist\/main\.txt is generated/ },
  },
}

interface Outcome {
  code: number | null
  said: string
}

function runIn(folder: string, command: string, environment: Record<string, string> = {}): Promise<Outcome> {
  const [program = '', ...args] = command.split(' ')
  const child = spawn(path.join(BIN, program), args, {
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${BIN}:${process.env['PATH']}`,
      NO_COLOR: '1',
      TURBO_TELEMETRY_DISABLED: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  let said = ''
  child.stdout.on('data', (chunk) => (said += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  child.on('error', reject)
  child.on('close', (code) => resolve({ code, said }))
  return promise
}

async function workspace(folder: string): Promise<void> {
  mkdirSync(folder)
  for (const file of SHARED) cpSync(path.join(root, file), path.join(folder, file))
  cpSync(path.join(planted, 'base'), folder, { recursive: true })
  writeFileSync(path.join(folder, '.gitignore'), 'node_modules/\n.turbo/\n.reports/\n')
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const modules = path.join(folder, 'apps/one/node_modules/@planted')
  mkdirSync(modules, { recursive: true })
  symlinkSync('../../../../packages/kit', path.join(modules, 'kit'))
  await git(folder)
}

/** turbo, Biome and the repository's checks ask git which files there are. */
async function git(folder: string): Promise<void> {
  const child = spawn('git', ['init', '--quiet'], { cwd: folder, stdio: 'inherit' })
  await new Promise((resolve) => child.on('close', resolve))
}

async function runChecks(folder: string): Promise<Record<Check, Outcome>> {
  const reports = { REPORTS_DIR: path.join(folder, '.reports') }
  const tests = Promise.all(
    ['apps/one', 'packages/kit'].map((each) => runIn(path.join(folder, each), CHECKS.tests, reports)),
  )
  const first = ['biome', 'boundaries', 'knip', 'links', 'repository', 'types'] as const
  const outcomes = await Promise.all(first.map(async (check) => [check, await runIn(folder, CHECKS[check])] as const))
  const [one, two] = await tests
  const count = await runIn(folder, CHECKS.count)
  return {
    ...(Object.fromEntries(outcomes) as Record<(typeof first)[number], Outcome>),
    tests: { code: (one?.code ?? 0) || (two?.code ?? 0), said: `${one?.said}${two?.said}` },
    count,
  }
}

function plant(folder: string): void {
  for (const rule of Object.keys(VIOLATIONS)) cpSync(path.join(planted, rule), folder, { recursive: true })
  for (const { file, text } of Object.values(WRITTEN)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
  }
}

function silent(outcomes: Record<Check, Outcome>): string[] {
  const rules = [
    ...Object.entries(VIOLATIONS),
    ...Object.entries(WRITTEN).map(([rule, { says }]) => [rule, says] as const),
  ]
  const quiet = rules.flatMap(([rule, says]) =>
    (Object.entries(says) as [Check, RegExp][])
      .filter(([check, text]) => outcomes[check].code === 0 || !text.test(outcomes[check].said))
      .map(([check]) => `${check} is silent about the planted violation "${rule}"`),
  )
  const unlisted = readdirSync(planted).filter((rule) => rule !== 'base' && !(rule in VIOLATIONS))
  return [...quiet, ...unlisted.map((rule) => `.ci/planted/${rule} is not in the table of .ci/planted.ts`)]
}

const temporary = mkdtempSync(path.join(tmpdir(), 'spillway-planted-'))
try {
  const folder = path.join(temporary, 'workspace')
  await workspace(folder)
  const clean = await runChecks(folder)
  const faults = Object.entries(clean)
    .filter(([, { code }]) => code !== 0)
    .map(([check, { said }]) => `${check} complains without a violation:\n${said}`)
  rmSync(path.join(folder, '.reports'), { recursive: true, force: true })
  plant(folder)
  const dirty = await runChecks(folder)
  faults.push(...silent(dirty))
  const nothing = await runIn(folder, `node ${path.join(root, '.ci/count.ts')} .no-reports`)
  if (nothing.code === 0 || !nothing.said.includes('no test ran')) faults.push('count is silent about no test at all')
  if (process.argv.includes('--verbose'))
    for (const [check, { said }] of Object.entries(dirty)) console.log(`== ${check}\n${said}`)
  for (const fault of faults) console.error(fault)
  console.log(
    `${Object.keys(VIOLATIONS).length + Object.keys(WRITTEN).length} planted violations, ${faults.length} faults`,
  )
  process.exitCode = faults.length > 0 ? 1 : 0
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
