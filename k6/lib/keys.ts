/** Which items there are: a range of numbered ones, or the samples that every demonstration begins with. */
import type { Settings } from './settings.ts'

export interface Item {
  readonly key: string
  /** As it stands in an answer; its fields are in the order in which PostgreSQL keeps them. */
  readonly value: string
}

const GREEK =
  'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega'.split(
    ' ',
  )

/** Item `index` of those that the settings name, counted from 0. */
export function item({ prefix, first }: Settings['keys'], index: number): Item {
  const number = first + index
  const key = prefix === '' ? sampleKey(number) : `${prefix}-${number}`
  const position = prefix === '' ? number + 1 : number
  return { key, value: `{"name":"${key}","position":${position}}` }
}

/** `alpha` to `omega`, then `alpha-2` and so on. */
function sampleKey(number: number): string {
  const round = Math.floor(number / GREEK.length) + 1
  return `${GREEK[number % GREEK.length]}${round > 1 ? `-${round}` : ''}`
}
