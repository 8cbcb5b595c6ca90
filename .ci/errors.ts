/** Holds docs/errors.md against the code: every error code a service can answer has a row there, with its status. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const DOCUMENT = 'docs/errors.md'
/** An entry of a table of errors: `not_found: [404, 'No such thing'],`. */
const TABLE_ENTRY = /^\s+([a-z][a-z0-9_]*): \[\s*([45]\d\d),\s*['"`][A-Z]/gm
/** The code of an error class: `readonly code = 'no_upstream'`, `code: 'no_upstream'`. */
const CLASS_CODE = /\bcode(?:\s*[:=]|: string =)\s*'([a-z]+(?:_[a-z0-9]+)*)'/g
/** The code of an answer to a kind of failure: `dns_error: [502, 'upstream_unreachable'],`. */
const ANSWER = /\[([45]\d\d), '([a-z]+(?:_[a-z0-9]+)*)'\]/g
const ROW = /^\|\s*`([a-z0-9_]+)`\s*\|([^|]*)\|/gm

/** What is wrong, a line each; nothing where code and document agree. */
export function undocumented(root: string): string[] {
  const documented = rows(root)
  const known = codes(root)
  return [
    ...[...known].flatMap(([code, { file, status }]) => {
      const row = documented.get(code)
      if (row === undefined) return [`${file}: the code ${code} is not in ${DOCUMENT}`]
      return status && !row.includes(status) ? [`${DOCUMENT}: ${code} has status ${row}; ${file} says ${status}`] : []
    }),
    ...[...documented.keys()].filter((code) => !known.has(code)).map((code) => `${DOCUMENT}: no code says ${code}`),
  ]
}

function rows(root: string): Map<string, string> {
  const file = path.join(root, DOCUMENT)
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return new Map([...text.matchAll(ROW)].map(([, code = '', status = '']) => [code, status.trim()]))
}

function codes(root: string): Map<string, { file: string; status?: string }> {
  const found = new Map<string, { file: string; status?: string }>()
  for (const file of globSync('{apps,packages}/*/src/**/*.ts', { cwd: root }).sort()) {
    if (file.endsWith('.test.ts')) continue
    const text = readFileSync(path.join(root, file), 'utf8')
    for (const [, code = ''] of text.matchAll(CLASS_CODE)) found.set(code, { file })
    for (const [, status = '', code = ''] of text.matchAll(ANSWER)) found.set(code, { file, status })
    for (const [, code = '', status = ''] of text.matchAll(TABLE_ENTRY)) found.set(code, { file, status })
  }
  return found
}
