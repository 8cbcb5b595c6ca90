/** Which versions were measured. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'

/** Node's, and those of these packages as they are installed here. */
export function versionsOf(...packages: readonly string[]): Record<string, string> {
  const require = createRequire(import.meta.url)
  const versions = packages.map((name) => [name, (require(`${name}/package.json`) as { version: string }).version])
  return { node: process.versions.node, ...Object.fromEntries(versions) }
}

/** What a program says of itself, on whichever output; some call it a failure to be asked. */
export async function versionSaid(file: string, argument: string, version: RegExp): Promise<string> {
  const asked = promisify(execFile)(file, [argument])
  const { stdout, stderr } = await asked.catch((error: { stdout?: string; stderr?: string }) => error)
  return version.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[1] ?? 'of an unknown version'
}
