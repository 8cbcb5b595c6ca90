/** The shared cache as its callers see it: one call reads through L1, L2 and a cluster-wide lease; one call purges everywhere. */
import type { Windows } from './windows.ts'

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
  readonly windows: Windows
  /** How long its fill took, in milliseconds. */
  readonly fillMs: number
  /** What purges it, its URL among them. */
  readonly tags: readonly string[]
  /**
   * Not empty: the entry is no answer but says that answers under this key vary by these request headers (lower case);
   * they are stored under keys that add the headers' values.
   */
  readonly vary: readonly string[]
}

/** What a fill came to, once its answer is here whole. */
export type Filled =
  | { readonly outcome: 'cacheable'; readonly entry: Entry }
  /** It may not be shared. Leaves a pass mark; whoever ran the fill has the live answer, everybody else asks for himself. */
  | { readonly outcome: 'uncacheable' }
  /** Those waiting share the failure: here with the answer, where there is one; at other gateways as this status. */
  | { readonly outcome: 'failed'; readonly status: number; readonly error: string; readonly entry?: Entry }

/**
 * What a fill came to: at once, or in two steps. `begun`: the head of an answer that may be stored has come, and readers
 * may have `answer`, whatever that is to those who fill and read, while its body is under way. `whole` never rejects;
 * what it says is for those who wait elsewhere, since a body that breaks breaks for its readers.
 */
export type Filling =
  | Filled
  | {
      readonly outcome: 'begun'
      readonly answer: object
      /** As its entry's will be. */
      readonly tags: readonly string[]
      readonly whole: Promise<Filled>
    }

/**
 * Asks the origin. Runs at most once per miss over the whole cluster, belongs to all who wait for it, and is cancelled
 * through `signal` when nobody does any more, here or at another gateway.
 *
 * `stale` is what was stored before and has to be revalidated, where there is such: what comes of that is a whole entry
 * again.
 */
export type Fill = (signal: AbortSignal, stale?: Entry) => Promise<Filling>

/** What a read came to. */
export type Reading =
  | { readonly outcome: 'hit'; readonly tier: 'l1' | 'l2'; readonly entry: Entry }
  /** Within `whileRevalidate`: use it at once, somebody is revalidating it. */
  | { readonly outcome: 'stale'; readonly tier: 'l1' | 'l2'; readonly entry: Entry }
  /**
   * A fill at this gateway has begun, this reader's or (`collapsed`) another's: `answer` is what it gave. `storing`: it
   * is on its way into L2. A reader that aborts from now on counts as one who waits no more; whoever has all that he
   * wants does not abort, so that the rest is stored.
   */
  | { readonly outcome: 'begun'; readonly answer: object; readonly collapsed: boolean; readonly storing: boolean }
  /** `collapsed`: another reader's fill, here or at another gateway. `stored`: L2 took it. */
  | { readonly outcome: 'filled'; readonly entry: Entry; readonly collapsed: boolean; readonly stored: boolean }
  | {
      readonly outcome: 'failed'
      readonly status: number
      readonly error: string
      readonly entry?: Entry
      /** What was stored before; may be used instead, within `ifError`. */
      readonly stale?: Entry
      readonly collapsed: boolean
    }
  /** This reader's own fill ran and its answer may not be shared: use the live answer. */
  | { readonly outcome: 'uncacheable' }
  /** Ask the origin for yourself: a pass mark stands, or a fill that you waited for turned out uncacheable. */
  | { readonly outcome: 'pass' }

/** Exactly one of the three. `soft`: makes stale what it names instead of dropping it, outside the promise of `purge`. */
export type Purge = (
  | { readonly keys: readonly string[] }
  | { readonly tags: readonly string[] }
  | { readonly all: true }
) & { readonly soft?: true }

export interface SharedCache {
  /**
   * @param key the whole key
   * @param url the entry's URL tag: purging it makes fills under way unusable even before their tags are known
   * @param fill runs where this reader is the one to ask the origin
   * @param signal aborts when this reader leaves; the promise then rejects with its reason, unless it is resolved
   * @param held what the reader has already and cannot use as it is: only a younger one will do
   */
  read(key: string, url: string, fill: Fill, signal: AbortSignal, held?: Entry): Promise<Reading>
  /** An L1 entry, without waiting; the hot path. Fresh or stale: the caller judges it by its windows, now. */
  peek(key: string): Entry | undefined
  /**
   * Whether the origin was out of order for it when it was asked last, 30 s ago at most: then what `peek` gives may be used
   * within `ifError`, while it is refreshed.
   */
  isFailing(key: string): boolean
  /**
   * Asks anew for what the caller `held` and has just used, in the background: once for the whole cluster, and not where
   * that is under way here already. What comes of it is for those who come later.
   */
  refresh(key: string, url: string, fill: Fill, held: Entry): void
  /**
   * Resolves when no gateway can serve what it names any more; a soft one, when none can serve it as fresh.
   * @throws {PurgeUnconfirmed} (code `purge_unconfirmed`, status 504) after 5 s without an answer
   */
  purge(purge: Purge): Promise<void>
  close(): Promise<void>
}
