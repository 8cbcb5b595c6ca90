/** Which bytes of a whole answer a `Range` field asks for (RFC 9110, 14). */

/** Both ends belong to it, counted from 0. */
export interface Part {
  readonly first: number
  readonly last: number
}

/** `whole`: the field asks for nothing, nothing that can be understood, or more than one may ask for. */
export type Ranges = 'whole' | 'unsatisfiable' | readonly [Part, ...Part[]]

/** Many small ranges, or ones that overlap, cost more than the whole (RFC 9110, 17.15). */
const MAX_PARTS = 10

/** `field`: the value of `Range`. `length`: of the whole body, in bytes. */
export function rangesOf(field: string, length: number): Ranges {
  const set = /^\s*bytes\s*=(.*)$/i.exec(field)?.[1]
  const specs = set === undefined ? [] : set.split(',').map((spec) => spec.trim())
  const asked = specs.filter((spec) => spec !== '').map((spec) => partOf(spec, length))
  if (asked.length === 0 || asked.length > MAX_PARTS || asked.includes('invalid')) return 'whole'
  const [first, ...others] = asked.filter((part) => typeof part === 'object')
  if (!first) return 'unsatisfiable'
  return overlap([first, ...others]) ? 'whole' : [first, ...others]
}

/** RFC 9110, 14.1.2: `first-last`, `first-`, `-length of the end`. */
function partOf(spec: string, length: number): Part | 'invalid' | 'unsatisfiable' {
  const [, from, to] = /^(\d*)\s*-\s*(\d*)$/.exec(spec) ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'invalid'
  if (from === '')
    return Number(to) > 0 && length > 0
      ? { first: Math.max(0, length - Number(to)), last: length - 1 }
      : 'unsatisfiable'
  const first = Number(from)
  if (to !== '' && Number(to) < first) return 'invalid'
  return first < length ? { first, last: Math.min(to === '' ? length : Number(to), length - 1) } : 'unsatisfiable'
}

function overlap(parts: readonly Part[]): boolean {
  const sorted = [...parts].sort((a, b) => a.first - b.first)
  return sorted.some(({ first }, i) => first <= (sorted[i - 1]?.last ?? -1))
}
