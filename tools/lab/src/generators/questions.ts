/** What a driver asks that is written here, and how the right answer begins and ends; `k6/lib/question.ts` is its twin. */
import { itemKey, itemValue, type Plan } from '../plan.ts'

export interface Question {
  readonly path: string
  /** Up to the first field that is not known beforehand: version, time, duration. */
  readonly begins: string
  readonly ends: string
}

/** So many keys a `hit` asks for, whatever number there is. */
const HOT_KEYS = 50

/** Returns what is to be asked next, each time it is called; undefined once a `miss` has asked for every key. */
export function questions({ expects, keys, process }: Plan): () => Question | undefined {
  const ask = (turn: number, index: number) =>
    turn % 2 === 0 ? data(keys.prefix, keys.first + index) : primes(itemKey(keys.prefix, keys.first + index), process)
  let turn = 0
  if (expects === 'miss') return () => (turn < keys.count ? ask(turn, turn++) : undefined)

  const hot = Array.from({ length: 2 * Math.min(keys.count, HOT_KEYS) }, (_, each) => ask(each, Math.floor(each / 2)))
  return () => hot[turn++ % hot.length]
}

function data(prefix: string, index: number): Question {
  const key = itemKey(prefix, index)
  return {
    path: `/data/${key}`,
    begins: `{"key":"${key}","value":${JSON.stringify(itemValue(prefix, index))},"version":`,
    ends: '"}',
  }
}

function primes(key: string, { n, primes }: Plan['process']): Question {
  return {
    path: `/process?key=${key}&n=${n}`,
    begins: `{"key":"${key}","n":${n},"primes":${primes},"durationMs":`,
    ends: '}',
  }
}
