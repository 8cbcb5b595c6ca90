/** What is held against a row before it is believed: each gate looks at one thing and says what it saw, the limit and what that means. */

import type { Run } from '../run.ts'
import { counted, figure, listed, percent, whole } from './figures.ts'
import { failed, failures, hitRatio } from './measures.ts'

/** A reason not to believe the row, or nothing. */
type Gate = (run: Run) => string | undefined

const MOST_FAILED = 0.001
const LEAST_HITS = 0.95
const MOST_NOT_MISSED = 0.05
const COUNTS_APART = 0.01
/** The few requests that are on their way when counting begins and ends. */
const COUNTS_APART_FLOOR = 5
const LEAST_SHARE = 0.1
const PRESENCE_APART = 0.1
const LEAST_PRESENT = 0.9
/** Of its core; beyond it a generator's own slowness shows in the times. */
export const MOST_GENERATOR = 0.8
const FULLY_BUSY = 0.95

/** The row did not do what its name says. */
export const INVALID = {
  failures({ load }) {
    const count = failed(load)
    if (count <= MOST_FAILED * load.requests) return undefined
    const known = failures(load).map(([status, times]) => `${whole(times)} x ${status}`)
    return `${whole(count)} of ${whole(load.requests)} requests (${percent(count / load.requests)}) got no 2xx answer: ${listed(known) || 'nothing is known of them'}. At most ${percent(MOST_FAILED)} may: the figures tell how fast it failed, not how it served.`
  },

  bodies({ load }) {
    if (load.wrongBodies === 0) return undefined
    return `${counted(load.wrongBodies, 'answer')} had a wrong body; none may: something answered that does not do the work.`
  },

  hits({ expects, load }) {
    const hits = hitRatio(load)
    if (expects !== 'hit' || hits >= LEAST_HITS) return undefined
    return `${percent(hits)} of the requests hit the cache, ${counted(load.cache.collapsed, 'other')} waited for somebody else's fill; a hit test needs ${percent(LEAST_HITS)}: it measured the services behind the cache, too.`
  },

  misses({ expects, load }) {
    const { hit, collapsed, none } = load.cache
    // Failures say nothing of the cache; `failures` is their gate.
    const silent = Math.max(0, none - failed(load))
    const others = (hit + collapsed + silent) / load.requests
    if (expects !== 'miss' || others <= MOST_NOT_MISSED) return undefined
    return `${percent(others)} of the requests were no misses (${whole(hit)} hit the cache, ${whole(collapsed)} waited for somebody else's fill, ${whole(silent)} did not say); a miss test may have ${percent(MOST_NOT_MISSED)}: it did not measure what each miss costs.`
  },

  origin({ load, served }) {
    const origin = served.databaseReads + served.computations
    const apart = Math.abs(load.cache.miss - origin)
    if (apart <= Math.max(COUNTS_APART_FLOOR, COUNTS_APART * Math.max(load.cache.miss, origin))) return undefined
    return `The clients were told of ${whole(load.cache.miss)} misses, but the stack counted ${whole(served.databaseReads)} reads of the database and ${whole(served.computations)} computations, ${whole(origin)} together; they may be ${percent(COUNTS_APART)} apart: what was answered did not come from where the answers say.`
  },

  gateways({ gateways, served }) {
    if (served.readyGateways === gateways) return undefined
    return `${counted(served.readyGateways, 'gateway')} took part, the name promises ${whole(gateways)}: it was another stack that was measured.`
  },

  shares({ gateways, load, served }) {
    // Of what the clients sent, not of what gateways counted: one that was passed by has all of its own nothing.
    const all = load.requests
    const idle = served.gateways
      .filter(({ requests }) => requests < LEAST_SHARE * all)
      .map(({ name, requests }) => `${name} got ${percent(requests / all)}`)
    const unseen = gateways - served.gateways.length
    if (unseen > 0) idle.push(`nothing is known of ${whole(unseen)}`)
    if (idle.length === 0) return undefined
    return `Of the clients' requests each gateway must get ${percent(LEAST_SHARE)}, but ${listed(idle)}: fewer gateways did the work than the name promises.`
  },

  keys({ load }) {
    if (load.outOfKeys === 0) return undefined
    return `The keys ran out: ${counted(load.outOfKeys, 'request')} could not be sent, and none may be: a slower load was measured than the one named.`
  },

  presence({ load }) {
    const accounted = load.responding + load.thinking
    const apart = Math.abs(load.present - accounted)
    if (apart <= PRESENCE_APART * load.present) return undefined
    return `The users were present for ${figure(load.present)} s in all, but waited for answers (${figure(load.responding)} s) and thought (${figure(load.thinking)} s) for ${figure(accounted)} s; by Little's law the two may be ${percent(PRESENCE_APART)} apart: users came or went, or times are wrong.`
  },

  attendance({ planned, load }) {
    if (load.present >= LEAST_PRESENT * planned) return undefined
    return `The users were to be present for ${figure(planned)} s in all, and were for ${figure(load.present)} s; at least ${percent(LEAST_PRESENT)} of it is needed: fewer users, or a shorter test, were measured than named.`
  },

  generator({ shape, load }) {
    if (shape !== 'users' || !load.pinned || load.cores <= MOST_GENERATOR) return undefined
    return `The load generator used ${percent(load.cores)} of its core, over ${percent(MOST_GENERATOR)}: the times include its own slowness, and users may have asked later than they meant to.`
  },
} satisfies Record<string, Gate>

/** The row did what its name says, but the machine was in the way of what it is to show. */
export const INCONCLUSIVE = {
  cores({ gateways, machine, served }) {
    if (gateways < 2 || served.busy < FULLY_BUSY) return undefined
    return `The machine's ${counted(machine.cores, 'core')} were ${percent(served.busy)} busy, ${percent(FULLY_BUSY)} or more: there was nothing left for ${whole(gateways)} gateways to use, so what replication gives cannot show.`
  },
} satisfies Record<string, Gate>
