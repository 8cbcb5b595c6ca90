/** What a value may hold: what PostgreSQL's jsonb and everybody's JSON parsers both keep exactly. */

/** Levels of arrays and objects: more than people nest by hand, far less than any parser's stack. */
const MAX_DEPTH = 100

/** Says where and why `value` cannot be kept exactly, or nothing where it can. */
export function unsupported(value: unknown, path = '', depth = 0): string | undefined {
  if (typeof value === 'string') return unsupportedText(value, path)
  if (typeof value === 'number') return unsupportedNumber(value, path)
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === MAX_DEPTH) return `${path || 'it'} is nested more than ${MAX_DEPTH} levels deep`
  for (const [name, member] of Object.entries(value)) {
    const place = `${path}/${name}`
    const fault = unsupportedText(name, place) ?? unsupported(member, place, depth + 1)
    if (fault) return fault
  }
  return undefined
}

function unsupportedText(text: string, path: string): string | undefined {
  if (text.includes('\0')) return `${JSON.stringify(path)} holds a null character, which PostgreSQL cannot keep`
  if (!text.isWellFormed()) return `${JSON.stringify(path)} holds half of a surrogate pair, which is no text`
  return undefined
}

/** RFC 7493, 2.2: a whole number beyond 2^53 - 1 comes out as another one in most parsers, ours included. */
function unsupportedNumber(number: number, path: string): string | undefined {
  if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return undefined
  return `${path || 'it'} is a number that would not be kept exactly; send it as a string`
}
