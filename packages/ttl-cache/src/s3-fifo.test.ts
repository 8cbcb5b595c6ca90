import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { s3Fifo } from './s3-fifo.ts'

interface Value {
  readonly key: string
}

/** The paper's algorithm with arrays, the eldest first: slow, and obviously right. */
class Model {
  readonly #room: number
  small: { key: string; bytes: number; uses: number }[] = []
  main: { key: string; bytes: number; uses: number }[] = []
  ghosts: { key: string; bytes: number }[] = []

  constructor(room: number) {
    this.#room = room
  }

  use(key: string): boolean {
    const found = [...this.small, ...this.main].find((one) => one.key === key)
    if (found) found.uses = Math.min(3, found.uses + 1)
    return found !== undefined
  }

  set(key: string, bytes: number): void {
    const uses = [...this.small, ...this.main].find((one) => one.key === key)?.uses
    const toMain =
      uses === undefined ? this.ghosts.some((one) => one.key === key) : this.main.some((one) => one.key === key)
    this.#drop(key)
    if (uses === undefined) this.ghosts = this.ghosts.filter((one) => one.key !== key)
    while (sum(this.small) + sum(this.main) + bytes > this.#room) this.#evict()
    const queue = toMain ? this.main : this.small
    queue.push({ key, bytes, uses: uses ?? 0 })
  }

  delete(key: string): void {
    const found = [...this.small, ...this.main].find((one) => one.key === key)
    if (!found) return
    this.#drop(key)
    this.#haunt(found)
  }

  #evict(): void {
    if (this.small.length > 0 && (sum(this.small) > this.#room / 10 || this.main.length === 0)) {
      const [eldest, ...rest] = this.small as [(typeof this.small)[0]]
      this.small = rest
      if (eldest.uses > 1) this.main.push({ ...eldest, uses: 0 })
      else this.#haunt(eldest)
      return
    }
    for (;;) {
      const [eldest, ...rest] = this.main as [(typeof this.main)[0]]
      this.main = rest
      if (eldest.uses === 0) return
      this.main.push({ ...eldest, uses: eldest.uses - 1 })
    }
  }

  #haunt({ key, bytes }: { key: string; bytes: number }): void {
    this.ghosts = [...this.ghosts.filter((one) => one.key !== key), { key, bytes }]
    while (sum(this.ghosts) > this.#room * 0.9) this.ghosts.shift()
  }

  #drop(key: string): void {
    this.small = this.small.filter((one) => one.key !== key)
    this.main = this.main.filter((one) => one.key !== key)
  }
}

const sum = (all: { bytes: number }[]) => all.reduce((total, { bytes }) => total + bytes, 0)

function fixture(room: number) {
  const gone: string[] = []
  const cache = s3Fifo<Value>(room, ({ key }, why) => gone.push(`${key} ${why}`))
  const ask = (key: string, bytes = 1) => {
    const found = cache.get(key) !== undefined
    if (!found) cache.set(key, { key }, bytes)
    return found
  }
  return { cache, gone, ask }
}

describe('S3-FIFO', () => {
  it('keeps what is asked for again and again while passers-by come and go', () => {
    const { ask } = fixture(100)
    for (let round = 0; round < 3; round++) for (let n = 0; n < 50; n++) ask(`hot${n}`)
    for (let n = 0; n < 10_000; n++) ask(`passer-by ${n}`)
    for (let n = 0; n < 50; n++) expect(ask(`hot${n}`)).toBe(true)
  })

  it('takes who comes back soon for no passer-by', () => {
    const { ask } = fixture(100)
    ask('a')
    for (let n = 0; n < 150; n++) ask(`other ${n}`)
    expect(ask('a')).toBe(false)
    for (let n = 0; n < 1000; n++) ask(`passer-by ${n}`)
    expect(ask('a')).toBe(true)
  })

  it('takes what is asked for again after it was deleted for no passer-by, too', () => {
    const { ask, cache } = fixture(100)
    ask('a')
    cache.delete('a')
    ask('a')
    for (let n = 0; n < 1000; n++) ask(`passer-by ${n}`)
    expect(ask('a')).toBe(true)
  })

  it('says of everything that leaves why it does', () => {
    const { cache, gone, ask } = fixture(2)
    ask('a')
    cache.set('a', { key: 'a' }, 1)
    ask('b')
    ask('c')
    cache.delete('b')
    cache.delete('b')
    expect(gone).toEqual(['a removed', 'a evicted', 'b removed'])
  })

  it('does what the paper says, whatever is asked', () => {
    const key = fc.integer({ min: 0, max: 30 }).map(String)
    const act = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('ask' as const), key, fc.integer({ min: 1, max: 8 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('set' as const), key, fc.integer({ min: 1, max: 8 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('delete' as const), key, fc.constant(0)) },
    )
    const asInThePaper = fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const { cache } = fixture(40)
      const model = new Model(40)
      const find = (key: string) => {
        const found = cache.get(key) !== undefined
        expect(found).toBe(model.use(key))
        return found
      }
      for (const [what, key, bytes] of acts) {
        if (what === 'delete') {
          cache.delete(key)
          model.delete(key)
        } else if (what === 'set' || !find(key)) {
          cache.set(key, { key }, bytes)
          model.set(key, bytes)
        }
        expect(cache.bytes).toBe(sum(model.small) + sum(model.main))
        expect(cache.size).toBe(model.small.length + model.main.length)
      }
    })
    fc.assert(asInThePaper, { numRuns: 500 })
  })
})
