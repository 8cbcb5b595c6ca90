/** What of a whole answer a request asks for: all, its head, parts, or nothing since it is unchanged. */
import type { Dispatcher } from 'undici'
import { mayHavePart, notModified, type Validators } from './conditional.ts'
import { requestField } from './fields.ts'
import { type Part, rangesOf } from './ranges.ts'

export type Selection =
  | { readonly is: 'unchanged' | 'head' | 'whole' }
  | { readonly is: 'parts'; readonly parts: readonly [Part, ...Part[]]; readonly length: number }
  | { readonly is: 'unsatisfiable'; readonly length: number }
  /** A range of a body whose length is not known yet. */
  | { readonly is: 'undecided' }

/** One for all: nearly every hit is the whole. */
const WHOLE: Selection = { is: 'whole' }

/**
 * In the order of RFC 9110, 13.2.2. `validators`: those of a 200; to other answers neither conditions nor ranges apply.
 * `length`: of the whole body, in bytes.
 */
export function select(
  { method, headers }: Dispatcher.DispatchOptions,
  validators: Validators | undefined,
  length: number | undefined,
): Selection {
  if (validators && notModified(headers, validators)) return { is: 'unchanged' }
  if (method === 'HEAD') return { is: 'head' }
  const range = validators && requestField(headers, 'range')
  if (!range || !mayHavePart(headers, validators)) return WHOLE
  if (length === undefined) return { is: 'undecided' }
  const ranges = rangesOf(range, length)
  if (ranges === 'whole') return WHOLE
  return ranges === 'unsatisfiable' ? { is: 'unsatisfiable', length } : { is: 'parts', parts: ranges, length }
}
