/**
 * Holds docs/errors.md against the code: every error code that a service can answer has a row there with its status, for
 * each status that it can have, and every row has its code.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const DOCUMENT = 'docs/errors.md'
/** An entry of a table of errors: `not_found: [404, 'No such thing'],`. */
const TABLE_ENTRY = /^\s+(?<code>[a-z][a-z0-9_]*): \[\s*(?<status>[45]\d\d),\s*['"`][A-Z]/gm
/** The code of an error class or of a kind, and its status where that comes next: `readonly code = 'no_upstream'`. */
const CLASS_CODE =
  /\bcode(?:\s*[:=]|: string =)\s*'(?<code>[a-z]+(?:_[a-z0-9]+)*)'(?:,?\s*(?:readonly )?status(?:Code)?(?::| =) (?<status>[45]\d\d)\b)?/g
/** The code of an answer to a kind of failure: `dns_error: [502, 'upstream_unreachable'],`. */
const ANSWER = /\[(?<status>[45]\d\d), '(?<code>[a-z]+(?:_[a-z0-9]+)*)'\]/g
const ROW = /^\|\s*`(?<code>[a-z0-9_]+)`\s*\|(?<status>[^|]*)\|/gm

interface Found {
  code: string
  /** In a row it may be a range, in words. */
  status: string | undefined
  file: string
}

/** What is wrong, a line each; nothing where code and document agree. */
export function undocumented(root: string): string[] {
  const rows = found(root, DOCUMENT, ROW)
  const answered = globSync('{apps,packages}/*/src/**/*.ts', { cwd: root })
    .filter((file) => !file.endsWith('.test.ts'))
    .sort()
    .flatMap((file) => [TABLE_ENTRY, CLASS_CODE, ANSWER].flatMap((pattern) => found(root, file, pattern)))
  const wrong = [
    ...answered.flatMap(({ code, status, file }) => {
      const ofCode = rows.filter((row) => row.code === code)
      if (ofCode.length === 0) return [`${file}: the code ${code} is not in ${DOCUMENT}`]
      if (status === undefined || ofCode.some((row) => row.status === status)) return []
      return [`${file}: no row of ${code} in ${DOCUMENT} has the status ${status}`]
    }),
    ...rows.flatMap(({ code, status }) => {
      const ofRow = answered.filter((each) => each.code === code)
      if (ofRow.length === 0) return [`${DOCUMENT}: no code says ${code}`]
      if (ofRow.some((each) => each.status === status || each.status === undefined)) return []
      return [`${DOCUMENT}: nothing answers ${code} with ${status}`]
    }),
  ]
  return [...new Set(wrong)]
}

function found(root: string, file: string, pattern: RegExp): Found[] {
  const absolute = path.join(root, file)
  const text = existsSync(absolute) ? readFileSync(absolute, 'utf8') : ''
  return [...text.matchAll(pattern)].map(({ groups }) => ({
    code: groups?.['code'] ?? '',
    status: groups?.['status']?.trim(),
    file,
  }))
}
