/** The workspace's folders and their test suites, as the checks and the count see them. */
import { existsSync, globSync } from 'node:fs'
import path from 'node:path'

interface Workspace {
  /** Relative to the root, such as `apps/db`. */
  folder: string
  /** Those of `src`, `test` and `e2e` that hold test files. */
  suites: string[]
}

const SUITES = ['src', 'test', 'e2e']

/** Every app, package and tool, and the observability, under `root`. */
export function workspaces(root: string): Workspace[] {
  return globSync('{{apps,packages,tools}/*,observability}/package.json', { cwd: root })
    .map((manifest) => path.dirname(manifest))
    .sort()
    .map((folder) => ({ folder, suites: SUITES.filter((suite) => hasTests(path.join(root, folder, suite))) }))
}

function hasTests(folder: string): boolean {
  return existsSync(folder) && globSync('**/*.test.ts', { cwd: folder }).length > 0
}
