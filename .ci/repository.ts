/** The checks that no tool has: what the files of this repository must not hold. `pnpm lint` runs it in the root. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { undocumented } from './errors.ts'
import { workspaces } from './workspaces.ts'

interface Rule {
  about: string
  /** Lines that must not be. */
  line: RegExp
  /** Files it looks at. Default: all. */
  files?: RegExp
}

// Split, so that this file keeps its own rules.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`)

const RULES: readonly Rule[] = [
  { about: 'unfinished work', line: UNFINISHED },
  { about: 'a path of one machine', line: /(^|[\s"'`(=:,])\/(work|root|home|Users)\/[\w.-]/ },
  {
    about: 'a registry host',
    line: /\b(registry|npm)\.[a-z0-9.-]+\.(com|org|net|io|dev|cn)\b|:\/\/[^/\s]*registry|[.]tgz\b/,
  },
  {
    about: 'a download address',
    files: /(^|\/)(pnpm-lock\.yaml|\.npmrc)$/,
    line: /\w+:\/\/|tarball:|_auth|^registry=/,
  },
]

const GENERATED =
  /(^|\/)(node_modules|dist|coverage|results|\.turbo|\.spillway|\.reports)\/|\.(log|tsbuildinfo|tgz)$|(^|\/)\.DS_Store$/
const MAX_BYTES = 500_000

/** Settings of pnpm that keep a new, hijacked or foreign release out; each must stand in pnpm-workspace.yaml. */
const SUPPLY_CHAIN = ['minimumReleaseAge: 1440', 'trustPolicy: no-downgrade', 'blockExoticSubdeps: true']

const TAGS: Record<string, string> = { apps: 'app', packages: 'package', tools: 'tool', observability: 'tool' }

function git(...args: string[]): string[] {
  return execFileSync('git', args, { encoding: 'utf8' }).split('\0').filter(Boolean)
}

function contentFaults(file: string): string[] {
  const bytes = readFileSync(file)
  if (bytes.includes(0)) return []
  const rules = RULES.filter((rule) => rule.files?.test(file) ?? true)
  return bytes
    .toString()
    .split('\n')
    .flatMap((line, index) =>
      rules.filter((rule) => rule.line.test(line)).map((rule) => `${file}:${index + 1} holds ${rule.about}`),
    )
}

function fileFaults(): string[] {
  const files = git('ls-files', '-coz', '--exclude-standard').filter((file) => existsSync(file))
  return [
    ...files.filter((file) => GENERATED.test(file)).map((file) => `${file} is generated`),
    ...git('ls-files', '-ciz', '--exclude-standard').map((file) => `${file} is tracked and ignored`),
    ...files
      .filter((file) => statSync(file).size > MAX_BYTES && file !== 'pnpm-lock.yaml')
      .map((file) => `${file} is longer than ${MAX_BYTES} bytes`),
    ...files.filter((file) => statSync(file).isFile()).flatMap(contentFaults),
  ]
}

/** A package without its tag is one that `turbo boundaries` lets import anything. */
function tagFaults(): string[] {
  return workspaces('.').flatMap(({ folder }) => {
    const [kind = ''] = folder.split('/')
    const settings = `${folder}/turbo.json`
    const { tags = [] } = existsSync(settings)
      ? (JSON.parse(readFileSync(settings, 'utf8')) as { tags?: string[] })
      : {}
    return tags.length === 1 && tags[0] === TAGS[kind] ? [] : [`${folder} has no tag "${TAGS[kind]}" in its turbo.json`]
  })
}

function supplyChainFaults(): string[] {
  const lines = readFileSync('pnpm-workspace.yaml', 'utf8').split('\n')
  return [
    ...SUPPLY_CHAIN.filter((setting) => !lines.includes(setting)).map((s) => `pnpm-workspace.yaml lacks ${s}`),
    ...lines
      .filter((line) => /^(minimumReleaseAgeExclude|trustPolicyExclude)/.test(line))
      .map((line) => `pnpm-workspace.yaml makes an exception: ${line}`),
  ]
}

const faults = [...fileFaults(), ...tagFaults(), ...supplyChainFaults(), ...undocumented('.')]
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exit(1)
console.log('The repository holds nothing it must not hold.')
