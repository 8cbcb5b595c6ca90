/** Functions that people give in files of their own: policies here, interceptors of a gateway's routes. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { kindOf } from './policies/guarded.ts'

/** What is a file and no name: it has a slash, or ends as modules do. */
export const FILE = /[/\\]|\.[cm]?[jt]s$/

/**
 * A file's default export. One that changed is loaded anew, and what it imports is not.
 * @param base the folder that a relative file is looked for in
 * @param wants what the function must do, in words
 * @throws {Error} where the file is not there, cannot be loaded, or exports no function
 */
export async function loadFunction(file: string, base: string, wants: string): Promise<(...given: never[]) => unknown> {
  const found = path.resolve(base, file)
  // A module is loaded once for each URL.
  const { mtime } = await stat(found)
  const { default: own } = (await import(`${pathToFileURL(found)}?${mtime.getTime()}`)) as { default?: unknown }
  if (typeof own === 'function') return own as (...given: never[]) => unknown
  const exported = own === undefined ? 'it has no default export' : `its default export is ${kindOf(own)}`
  throw new TypeError(`${exported}; it must be a function that ${wants}`)
}
