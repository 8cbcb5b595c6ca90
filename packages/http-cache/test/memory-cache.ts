/** The shared cache's contract in one process and few lines, for tests of what stands on it. */
import {
  ageOf,
  type Entry,
  type Fill,
  type Filled,
  type Filling,
  type Purge,
  type Reading,
  type SharedCache,
  type Windows,
} from '@spillway/cache-client'

interface Running {
  readonly filling: Promise<Filling>
  readonly whole: Promise<Filled>
  readonly cancel: AbortController
  readonly tags: Set<string>
  waiting: number
  voided: boolean
}

export class MemoryCache implements SharedCache {
  readonly entries = new Map<string, Entry>()
  readonly passes = new Set<string>()
  readonly purges: Purge[] = []
  /** What the origin fails for, as a test says. */
  readonly failing = new Set<string>()
  /** What a purge waits for before it has reached everybody. */
  confirmed = (): Promise<void> => Promise.resolve()
  readonly #running = new Map<string, Running>()

  get waiting(): number {
    return [...this.#running.values()].reduce((sum, { waiting }) => sum + waiting, 0)
  }

  peek(key: string): Entry | undefined {
    const entry = this.entries.get(key)
    return entry && isWithin(entry, 'keep') ? entry : undefined
  }

  isFailing(key: string): boolean {
    return this.failing.has(key)
  }

  refresh(key: string, url: string, fill: Fill, held: Entry): void {
    if (!this.#running.has(key)) this.read(key, url, fill, new AbortController().signal, held).catch(() => {})
  }

  async read(key: string, url: string, fill: Fill, signal: AbortSignal, held?: Entry): Promise<Reading> {
    const entry = this.peek(key)
    if (entry && entry !== held && isWithin(entry, 'fresh')) return { outcome: 'hit', tier: 'l2', entry }
    if (this.passes.has(key)) return { outcome: 'pass' }
    let running = this.#running.get(key)
    const collapsed = running !== undefined && !running.voided
    if (!running || !collapsed) running = this.#start(key, url, fill)
    const { filling, whole, cancel } = running
    if (entry && !held && isWithin(entry, 'whileRevalidate')) {
      running.waiting++
      return { outcome: 'stale', tier: 'l2', entry }
    }
    const { promise: left, reject } = Promise.withResolvers<never>()
    const shared = running
    const leave = () => {
      reject(signal.reason)
      if (--shared.waiting === 0) cancel.abort(new Error('nobody waits'))
    }
    running.waiting++
    signal.addEventListener('abort', leave)
    void whole.finally(() => signal.removeEventListener('abort', leave))
    const got = await Promise.race([filling, left])
    if (got.outcome === 'begun') return { outcome: 'begun', answer: got.answer, collapsed, storing: !running.voided }
    if (got.outcome === 'uncacheable') return collapsed ? { outcome: 'pass' } : got
    if (got.outcome === 'failed') return { ...got, collapsed, ...(entry ? { stale: entry } : {}) }
    return { outcome: 'filled', entry: got.entry, collapsed, stored: !running.voided }
  }

  async purge(purge: Purge): Promise<void> {
    this.purges.push(purge)
    const hit = (key: string, tags: Iterable<string>) =>
      'all' in purge || ('keys' in purge ? purge.keys.includes(key) : [...tags].some((tag) => purge.tags.includes(tag)))
    for (const [key, entry] of this.entries) if (hit(key, entry.tags)) this.entries.delete(key)
    for (const [key, running] of this.#running) if (hit(key, running.tags)) running.voided = true
    await this.confirmed()
  }

  async close(): Promise<void> {}

  #start(key: string, url: string, fill: Fill): Running {
    const cancel = new AbortController()
    const filling = fill(cancel.signal, this.peek(key))
    const { promise: whole, resolve } = Promise.withResolvers<Filled>()
    const running: Running = { filling, whole, cancel, tags: new Set([url]), waiting: 0, voided: false }
    this.#running.set(key, running)
    const settle = (filled: Filled) => {
      resolve(filled)
      if (this.#running.get(key) === running) this.#running.delete(key)
      if (running.voided) return
      if (filled.outcome === 'cacheable') this.entries.set(key, filled.entry)
      if (filled.outcome === 'uncacheable') {
        this.entries.delete(key)
        this.passes.add(key)
      }
    }
    void filling.then((got) => (got.outcome === 'begun' ? got.whole.then(settle) : settle(got)))
    return running
  }
}

function isWithin(entry: Entry, window: keyof Windows): boolean {
  return ageOf(entry, performance.now()) < entry.windows[window]
}
