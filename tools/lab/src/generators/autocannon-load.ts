/**
 * autocannon as a closed load: each connection asks as soon as it is answered. What autocannon itself counts is not
 * used: it takes an answer after a lost connection for that of an earlier request, repeats in silence what a server hung
 * up on, and drops what is under way at the end. This follows each of its connections instead.
 */
import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import autocannon from 'autocannon'
import type { DriverSecond, Plan } from '../plan.ts'
import type { Load } from '../run.ts'
import { type Question, questions } from './questions.ts'
import { Tally } from './tally.ts'

/** Longer than any hop of a stack waits. */
const TIMEOUT_MS = 20_000

/** What of autocannon's client its types leave out. It connects anew by itself when a connection ends. */
interface Client extends EventEmitter {
  readonly conn: Socket
  readonly parser: { reinitialize(kind: 'RESPONSE'): void }
  readonly pipelinedRequests: { clear(): void }
  readonly reqsMade: number
  /** It ends where it would send one more. */
  responseMax?: number
  setRequests(requests: object[]): void
}

/** The request that a client has under way. */
interface Pending {
  readonly question: Question
  readonly at: number
}

/** @throws {Error} where autocannon fails */
export async function load(
  plan: Plan,
  onSecond: (second: DriverSecond) => void,
): Promise<Omit<Load, 'cores' | 'pinned'>> {
  if (plan.keys.count < 1) throw new RangeError('a plan needs at least one key')
  const tally = new Tally()
  const next = questions(plan)
  const headers = { authorization: `Bearer ${plan.token}` }
  const begun = performance.now()
  const until = begun + plan.duration * 1000
  const overdue = new Set<() => void>()
  // A client that had nothing to ask for would ask for something of autocannon's own.
  const users = plan.expects === 'miss' ? Math.min(plan.shape.users, plan.keys.count) : plan.shape.users
  let outOfKeys = plan.shape.users - users
  let present = 0
  let ended = begun

  function follow(client: Client): void {
    let question: Question | undefined
    let pending: Pending | undefined
    let conn: Socket | undefined
    let answer = { cacheStatus: undefined as string | undefined, servedBy: undefined as string | undefined }
    /** The server hangs up after this answer; what autocannon sends there all the same, nobody reads. */
    let closing = false

    const hangUp = () => {
      if (pending && performance.now() - pending.at > TIMEOUT_MS) {
        conn?.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
      }
    }
    overdue.add(hangUp)

    const prepare = () => {
      question = performance.now() < until ? next() : undefined
      if (question) return ask(question)
      if (performance.now() < until) outOfKeys++
      client.responseMax = client.reqsMade
    }
    const ask = ({ path }: Question) => {
      client.setRequests([{ path, headers, onResponse: (_status: number, body: string) => (received = body) }])
    }
    let received = ''

    const lost = (error: string) => {
      client.pipelinedRequests.clear()
      client.parser.reinitialize('RESPONSE')
      if (pending && !closing) {
        tally.unanswered(error, performance.now() - pending.at)
        prepare()
      }
      pending = undefined
      closing = false
    }
    const hungUp = () => lost('ECONNRESET')

    client.on('request', () => {
      if (conn !== client.conn) {
        conn = client.conn
        // Before autocannon's own listener connects anew and sends.
        conn.prependListener('end', hungUp)
      }
      if (question) pending = { question, at: performance.now() }
    })
    client.on('headers', ({ headers }: { headers: readonly string[] }) => {
      answer = { cacheStatus: field(headers, 'cache-status'), servedBy: field(headers, 'x-served-by') }
      closing = field(headers, 'connection')?.toLowerCase() === 'close'
    })
    client.on('response', (status: number) => {
      if (!pending) return
      ended = performance.now()
      tally.answered(pending.question, { status, body: received, ...answer, ms: ended - pending.at })
      pending = undefined
      prepare()
    })
    client.on('connError', (error: NodeJS.ErrnoException) => {
      ended = performance.now()
      conn?.removeListener('end', hungUp)
      lost(error.code ?? 'EOTHER')
    })
    client.on('done', () => {
      present += (performance.now() - begun) / 1000
      overdue.delete(hangUp)
    })
    prepare()
  }

  let second = 0
  const everySecond = setInterval(() => {
    for (const hangUp of overdue) hangUp()
    if (performance.now() < until) onSecond(tally.second(++second))
  }, 1000)
  try {
    await autocannon({
      url: plan.url,
      connections: users,
      // Each connection ends by itself; these are never reached.
      duration: plan.duration + 60,
      timeout: plan.duration + 60,
      sampleInt: 100,
      setupClient: (client) => follow(client as unknown as Client),
    } as autocannon.Options)
  } finally {
    clearInterval(everySecond)
  }
  onSecond(tally.second(second + 1))
  return { duration: (ended - begun) / 1000, ...tally.whole(), outOfKeys, thinking: 0, present }
}

/** Names are as the server wrote them. */
function field(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) if (headers[at]?.toLowerCase() === name) return headers[at + 1]
  return undefined
}
