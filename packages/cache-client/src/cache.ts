/** The shared cache as its callers see it: one call reads through L1, L2 and a cluster-wide lease; one call purges everywhere. */

/** An answer as it is stored. Times run on `performance.now()`'s clock of this process. */
export interface Entry {
  /** The whole key in the clear; its SHA-256 names the entry on the wire. */
  readonly key: string
  readonly status: number
  /** In order, names in lower case, hop-by-hop and per-request fields already gone. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Its age in milliseconds at `at` (RFC 9111, 4.2.3: corrected initial age, then resident time). */
  readonly ageMs: number
  readonly at: number
  /** How long it is fresh, in milliseconds of age. */
  readonly lifetimeMs: number
  /** What purges it, its URL among them. */
  readonly tags: readonly string[]
  /**
   * Not empty: the entry is no answer but says that answers under this key vary by these request headers (lower case);
   * they are stored under keys that add the headers' values.
   */
  readonly vary: readonly string[]
}

/** What a fill came to. */
export type Filling =
  | { readonly outcome: 'cacheable'; readonly entry: Entry }
  /** It may not be shared. Leaves a pass mark; whoever ran the fill has the live answer, everybody else asks for himself. */
  | { readonly outcome: 'uncacheable' }
  /** Those waiting share the failure: here with the answer, where there is one; at other gateways as this status. */
  | { readonly outcome: 'failed'; readonly status: number; readonly error: string; readonly entry?: Entry }

/**
 * Asks the origin. Runs at most once per miss over the whole cluster, belongs to all who wait for it, and is cancelled
 * through `signal` when nobody does any more, here or at another gateway.
 */
export type Fill = (signal: AbortSignal) => Promise<Filling>

/** What a read came to. */
export type Reading =
  | { readonly outcome: 'hit'; readonly tier: 'l1' | 'l2'; readonly entry: Entry }
  /** `collapsed`: another reader's fill, here or at another gateway. `stored`: L2 took it. */
  | { readonly outcome: 'filled'; readonly entry: Entry; readonly collapsed: boolean; readonly stored: boolean }
  | {
      readonly outcome: 'failed'
      readonly status: number
      readonly error: string
      readonly entry?: Entry
      readonly collapsed: boolean
    }
  /** This reader's own fill ran and its answer may not be shared: use the live answer. */
  | { readonly outcome: 'uncacheable' }
  /** Ask the origin for yourself: a pass mark stands, or a fill that you waited for turned out uncacheable. */
  | { readonly outcome: 'pass' }

/** Exactly one of the three. */
export type Purge = { readonly keys: readonly string[] } | { readonly tags: readonly string[] } | { readonly all: true }

export interface SharedCache {
  /**
   * @param key the whole key
   * @param url the entry's URL tag: purging it makes fills under way unusable even before their tags are known
   * @param fill runs where this reader is the one to ask the origin
   * @param signal aborts when this reader leaves; the promise then rejects with its reason
   */
  read(key: string, url: string, fill: Fill, signal: AbortSignal): Promise<Reading>
  /** An L1 entry that may be used now, without waiting; the hot path. */
  peek(key: string): Entry | undefined
  /**
   * Resolves when no gateway can serve what it names any more.
   * @throws {PurgeUnconfirmed} (code `purge_unconfirmed`, status 504) after 5 s without an answer
   */
  purge(purge: Purge): Promise<void>
  close(): Promise<void>
}
