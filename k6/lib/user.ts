/** One user's life in a load: ask, hold the answer against what it must be, count, think. */
import { sleep } from 'k6'
import exec from 'k6/execution'
import http, { type RefinedResponse } from 'k6/http'
import { cacheOutcome } from './cache-status.ts'
import * as metrics from './metrics.ts'
import type { Question } from './question.ts'
import type { Settings } from './settings.ts'
import { TIMEOUT_MS } from './shape.ts'
import { count, handOver } from './tally.ts'

/** Seconds: what a user without thinking time rests who finds no key left. */
const REST = 1

type Answer = RefinedResponse<undefined>
const signedIn = (token: string) => ({ timeout: TIMEOUT_MS, headers: { authorization: `Bearer ${token}` } })
type Params = ReturnType<typeof signedIn>

// This user's own, since k6 gives each a JavaScript world to itself: with what it asks, and from when on its being there
// is still to be counted.
let params: Params | undefined
let since = 0
/** Milliseconds since 1970: when the run ends. */
let until = 0
/** Made anew at each reading of `exec.scenario`; what it tells is of the moment all the same. */
let scenario: typeof exec.scenario | undefined

/**
 * One turn of a user: `ask` asks with the number of this turn, counted over all users, and returns false where nothing
 * was left to ask for.
 */
export function turn(
  { shape, think: [from, to], duration }: Settings,
  token: string,
  ask: (turn: number, params: Params) => boolean,
): void {
  params ??= signedIn(token)
  const begun = Date.now()
  scenario ??= exec.scenario
  until ||= scenario.startTime + duration * 1000
  if (since === 0) {
    since = begun
    metrics.moments.add(begun)
  }
  // The executor's clock may be a moment behind ours.
  if (begun >= until) {
    sleep(0.01)
    return
  }

  const asked = ask(scenario.iterationInTest, params)
  if (shape === 'users') pause(from + Math.random() * (to - from))
  else if (!asked) pause(REST)

  const now = Date.now()
  count(metrics.presentSeconds, (now - since) / 1000)
  since = now
  if (handOver(now, until)) metrics.moments.add(now)
}

/** Nobody thinks beyond the end. */
function pause(seconds: number): void {
  const from = Date.now()
  const left = Math.min(seconds, (until - from) / 1000)
  if (left <= 0) return
  sleep(left)
  count(metrics.thinkingSeconds, (Date.now() - from) / 1000)
}

export function read({ url, begins, ends }: Question, params: Params): true {
  const begun = Date.now()
  const answer = http.get(url, params)
  const outcome = countAnswer(answer, begun, (body) => body.startsWith(begins) && body.endsWith(ends))
  if (outcome === 'answered') {
    const { headers } = answer
    count(metrics.cache[cacheOutcome(headers['Cache-Status'], headers['X-Served-By'])])
  } else {
    count(metrics.failures)
    count(metrics.cache.none)
  }
  return true
}

/** A sign-in as part of the load. One refused by the limit of sign-ins is told apart from failures. */
export function signInAgain(url: string, credentials: string): true {
  const params = { timeout: TIMEOUT_MS, headers: { 'content-type': 'application/json' } }
  const begun = Date.now()
  const answer = http.post(`${url}/login`, credentials, params)
  count(metrics.cache.none)
  const outcome = countAnswer(answer, begun, (body) => body.startsWith('{"token":"'))
  if (outcome === 429) count(metrics.refusedSignIns)
  else if (outcome !== 'answered') count(metrics.failures)
  return true
}

/**
 * Counts an answer by its status, or by why there was none, and a 2xx body that is not as it must be. Reads no more of
 * it than it needs: each property of an answer that is read costs k6 a twentieth of a request, `timings` a whole one.
 */
function countAnswer(answer: Answer, begun: number, isRight: (body: string) => boolean): 'answered' | number {
  count(metrics.requests)
  count(metrics.waitedSeconds, (Date.now() - begun) / 1000)
  const { status } = answer
  const good = status >= 200 && status < 300
  const right = good && isRight(String(answer.body))
  // A body that broke off has a status all the same.
  if (!right && !metrics.isWhole(answer.error_code)) {
    countUnanswered(answer, begun)
    return 0
  }
  metrics.countStatus(status)
  if (good && !right) count(metrics.wrongBodies)
  return good ? 'answered' : status
}

/** k6 times the phases that a request got through; one that failed may have waited for longer. */
function countUnanswered({ timings, error_code, error }: Answer, begun: number): void {
  const untold = Date.now() - begun - timings.blocked - timings.duration
  if (untold > 0) count(metrics.untimedSeconds, untold / 1000)
  metrics.countError(error_code, error)
}
