/** What is asked, and how the right answer begins and ends: texts, since parsing thousands a second would cost a core. */
import { item } from './keys.ts'
import type { Settings } from './settings.ts'

export interface Question {
  readonly url: string
  /** Up to the first field that is not known beforehand: version, time, duration. */
  readonly begins: string
  readonly ends: string
}

export function data({ url, keys }: Settings, index: number): Question {
  const { key, value } = item(keys, index)
  return { url: `${url}/data/${key}`, begins: `{"key":"${key}","value":${value},"version":`, ends: '"}' }
}

export function process({ url, keys, process: { n, primes } }: Settings, index: number): Question {
  const { key } = item(keys, index)
  return {
    url: `${url}/process?key=${key}&n=${n}`,
    begins: `{"key":"${key}","n":${n},"primes":${primes},"durationMs":`,
    ends: '}',
  }
}

/**
 * What comes at this turn where half is `/data`, half `/process`, each over the first `count` items again and again.
 * Made anew each time: kept ready, a hundred of them would take each user 170 kB.
 */
export function mix(settings: Settings, count: number, turn: number): Question {
  const index = Math.floor(turn / 2) % count
  return turn % 2 === 0 ? data(settings, index) : process(settings, index)
}
