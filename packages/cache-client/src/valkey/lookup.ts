/** One lookup in Valkey, and the wait for another gateway's fill, which is lookups again. */
import { Compile } from 'typebox/compile'
import type { Entry } from '../cache.ts'
import { FrameError, open } from '../frame.ts'
import type { Answer } from '../remote.ts'
import { ageOf } from '../windows.ts'
import { digest, Failure } from '../wire.ts'
import { type Connection, type Reply, Unanswered } from './connection.ts'
import { ValkeyLease } from './lease.ts'
import { hashName, tagName } from './scripts.ts'

/** How often a wait asks when it is told nothing: a holder that died tells nobody. */
const ASK_AGAIN_MS = 500

export interface Question {
  readonly key: string
  readonly url: string
  /** In use already; what is asked for is a younger one. */
  readonly held: Entry | undefined
}

/** `clean`: no tag was purged since the lease was granted, so that its fill may be shared before its tags are known. */
export type Looked =
  | Exclude<Answer, { is: 'lease' | 'filled' }>
  | { readonly is: 'lease'; readonly token: string; readonly lease: ValkeyLease; readonly stale: Entry | undefined }
  | { readonly is: 'wait'; readonly token: string; readonly clean: boolean }

const failure = Compile(Failure)

export class Lookups {
  readonly #connection: Connection
  readonly #clock: () => number
  readonly #leases = new Set<ValkeyLease>()
  /** This gateway among those that wait. */
  readonly #gateway = crypto.randomUUID()

  constructor(connection: Connection, clock: () => number) {
    this.#connection = connection
    this.#clock = clock
  }

  /** `before`: the token waited for so far. Never rejects. */
  async look({ key, url, held }: Question, before = ''): Promise<Looked> {
    const hash = digest(key)
    const sentAt = this.#clock()
    const heldMs = held ? Math.floor(ageOf(held, sentAt)) : ''
    const read = (reply: Reply) => this.#read(reply, { key, hash, sentAt })
    try {
      return read(await this.#connection.run('look', [hash, url, this.#gateway, crypto.randomUUID(), before, heldMs]))
    } catch (error) {
      if (error instanceof Unanswered) void error.late.then((reply) => reply && this.release(key, read(reply)))
      return { is: 'nothing', why: (error as Error).message }
    }
  }

  /**
   * Waits until it is decided what becomes of the lease, or of the one that took its place.
   * @param moved another lease is waited for now
   */
  async wait(question: Question, token: string, signal: AbortSignal, moved: (token: string) => void): Promise<Looked> {
    let bell = Promise.withResolvers<void>()
    const ring = () => bell.resolve()
    const stopListening = this.#connection.listen([hashName(digest(question.key)), tagName(question.url)], ring)
    signal.addEventListener('abort', ring)
    let awaited = token
    try {
      for (;;) {
        bell = Promise.withResolvers()
        // At once the first time: something may have been told before anybody listened.
        const looked = await this.look(question, awaited)
        if (signal.aborted) {
          this.release(question.key, looked)
          return { is: 'nothing', why: 'nobody waits for this any more' }
        }
        if (looked.is !== 'wait') return looked
        if (looked.token !== awaited) moved(looked.token)
        awaited = looked.token
        const timer = setTimeout(ring, ASK_AGAIN_MS)
        await bell.promise
        clearTimeout(timer)
      }
    } finally {
      stopListening()
      signal.removeEventListener('abort', ring)
    }
  }

  /** Nobody wants what a lookup brought. */
  release(key: string, looked: Looked): void {
    if (looked.is === 'lease') void looked.lease.drop()
    if (looked.is === 'wait') this.#connection.run('leave', [digest(key), this.#gateway]).catch(() => {})
  }

  /** Gives up every lease, so that those who wait need not wait them out. */
  async close(): Promise<void> {
    await Promise.all([...this.#leases].map((lease) => lease.drop()))
  }

  #lease(hash: string, token: string): ValkeyLease {
    const lease = new ValkeyLease(this.#connection, hash, token, this.#clock)
    this.#leases.add(lease)
    void lease.ended.then(() => this.#leases.delete(lease))
    return lease
  }

  #read(reply: Reply, asked: Asked): Looked {
    const [verdict, first, second, third] = reply as [Buffer, Buffer, Buffer | number, number]
    switch (String(verdict)) {
      case 'hit':
        return opened(first, second as number, asked)
      case 'lease': {
        const token = String(first)
        const lease = this.#lease(asked.hash, token)
        return { is: 'lease', token, lease, stale: whole(second as Buffer, third, asked) }
      }
      case 'wait':
        return { is: 'wait', token: String(first), clean: second === 1 }
      case 'failed': {
        const told: unknown = JSON.parse(String(first))
        if (!failure.Check(told)) return { is: 'nothing', why: 'a failure that is none' }
        return { is: 'failed', seq: 0, ...told, stale: whole(second as Buffer, third, asked) }
      }
      default:
        return { is: 'pass' }
    }
  }
}

interface Asked {
  readonly key: string
  readonly hash: string
  /** The time on the way counts as age (RFC 9111, 4.2.3: response delay). */
  readonly sentAt: number
}

function opened(frame: Buffer, ageMs: number, { key, sentAt }: Asked): Looked {
  try {
    const entry = open(frame, sentAt)
    if (entry.key !== key) throw new FrameError('the entry is another one')
    return { is: 'hit', seq: 0, entry: { ...entry, ageMs } }
  } catch (error) {
    return { is: 'damaged', why: (error as Error).message }
  }
}

/** The same of a stale one, where there is one; one that is damaged is missed by nobody. */
function whole(frame: Buffer | undefined, ageMs: number, asked: Asked): Entry | undefined {
  const stale = frame && opened(frame, ageMs, asked)
  return stale?.is === 'hit' ? stale.entry : undefined
}
