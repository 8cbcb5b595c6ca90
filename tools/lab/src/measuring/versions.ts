/** Which versions were measured. */
import { createRequire } from 'node:module'

/** Node's, and those of these packages as they are installed here. */
export function versionsOf(...packages: readonly string[]): Record<string, string> {
  const require = createRequire(import.meta.url)
  const versions = packages.map((name) => [name, (require(`${name}/package.json`) as { version: string }).version])
  return { node: process.versions.node, ...Object.fromEntries(versions) }
}
