import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bench, truthful } from '../../test/sample.ts'
import type { Run } from '../run.ts'
import { INCONCLUSIVE, INVALID } from './gates.ts'
import { judge } from './verdict.ts'

/** Which gates complain. */
const caught = (run: Run) =>
  Object.entries({ ...INVALID, ...INCONCLUSIVE }).flatMap(([name, gate]) => (gate(run) === undefined ? [] : [name]))

const lie = (plant: (run: Run) => void, run = truthful()) => {
  plant(run)
  return run
}

const LIES: Record<string, { about: string; run: Run; says: RegExp }[]> = {
  failures: [
    {
      about: 'answers that are errors',
      run: lie((run) => {
        run.load.statuses = { 200: run.load.requests - 100, 502: 30, 503: 70 }
      }),
      says: /^100 of 37,440 requests \(0\.2671 %\) got no 2xx answer: 70 x 503 and 30 x 502\. At most 0\.1 %/,
    },
    {
      about: 'requests without an answer',
      run: lie((run) => {
        run.load.statuses = { 200: run.load.requests - 50, ECONNRESET: 50 }
      }),
      says: /50 x ECONNRESET/,
    },
    {
      about: 'requests that nothing is known of',
      run: lie((run) => {
        run.load.statuses = { 200: run.load.requests - 50 }
      }),
      says: /nothing is known of them/,
    },
    {
      about: 'redirects',
      run: lie((run) => {
        run.load.statuses = { 302: run.load.requests }
      }),
      says: /\(100 %\) got no 2xx answer: 37,440 x 302/,
    },
  ],
  bodies: [
    {
      about: 'a single wrong body',
      run: lie((run) => {
        run.load.wrongBodies = 1
      }),
      says: /^1 answer had a wrong body/,
    },
  ],
  hits: [
    {
      about: 'a hit test that misses',
      run: lie(
        (run) => {
          run.load.cache = { hit: 36_000, miss: 2400, collapsed: 0, none: 0 }
          run.served.databaseReads = 1200
          run.served.computations = 1200
        },
        truthful({ expects: 'hit' }),
      ),
      says: /^93\.75 % of the requests hit the cache.* needs 95 %/,
    },
    {
      about: 'a hit test whose requests wait for each other',
      run: lie(
        (run) => {
          run.load.cache = { hit: 35_000, miss: 300, collapsed: 3100, none: 0 }
        },
        truthful({ expects: 'hit' }),
      ),
      says: /3,100 others waited/,
    },
  ],
  misses: [
    {
      about: 'a miss test that hits',
      run: lie((run) => {
        run.load.cache = { hit: 3744, miss: 33_696, collapsed: 0, none: 0 }
        run.served.databaseReads = 16_848
        run.served.computations = 16_848
      }),
      says: /^10 % of the requests were no misses \(3,744 hit the cache, 0 waited .*; a miss test may have 5 %/,
    },
    {
      about: 'a miss test whose requests share each other’s fills',
      run: lie((run) => {
        run.load.cache = { hit: 0, miss: 33_696, collapsed: 3744, none: 0 }
        run.served.databaseReads = 16_848
        run.served.computations = 16_848
      }),
      says: /3,744 waited for somebody else's fill, 0 did not say/,
    },
    {
      about: 'a miss test that never came to a cache or an origin',
      run: lie((run) => {
        run.load.cache = { hit: 0, miss: 0, collapsed: 0, none: run.load.requests }
        run.served.databaseReads = 0
        run.served.computations = 0
      }),
      says: /^100 % of the requests were no misses .* 37,440 did not say/,
    },
  ],
  origin: [
    {
      about: 'misses that nobody worked for',
      run: lie((run) => {
        run.served.databaseReads -= 400
      }),
      says: /told of 37,440 misses, but .* 18,320 reads of the database and 18,720 computations, 37,040 together/,
    },
    {
      about: 'work that no client heard of',
      run: lie(
        (run) => {
          run.served.computations += 6
        },
        truthful({ expects: 'hit' }),
      ),
      says: /told of 300 misses/,
    },
  ],
  gateways: [
    {
      about: 'a gateway too few',
      run: lie((run) => {
        run.served.readyGateways = 2
      }),
      says: /^2 gateways took part, the name promises 3/,
    },
    {
      about: 'gateways too many',
      run: lie(
        (run) => {
          run.served.readyGateways = 3
        },
        truthful({ gateways: 1 }),
      ),
      says: /^3 gateways took part, the name promises 1/,
    },
  ],
  shares: [
    {
      about: 'a gateway that idles',
      run: lie((run) => {
        ;[17_000, 17_000, 3440].forEach((requests, index) => {
          Object.assign(run.served.gateways[index] ?? {}, { requests })
        })
      }),
      says: /gateway-3 got 9\.188 %/,
    },
    {
      about: 'a gateway nobody has seen',
      run: lie((run) => {
        run.served.gateways.pop()
      }),
      says: /nothing is known of 1:/,
    },
    {
      about: 'gateways that all count nothing',
      run: lie((run) => {
        for (const gateway of run.served.gateways) gateway.requests = 0
      }),
      says: /gateway-1 got 0 %, gateway-2 got 0 % and gateway-3 got 0 %/,
    },
    {
      about: 'a single gateway that was passed by',
      run: lie(
        (run) => {
          for (const gateway of run.served.gateways) gateway.requests = 0
        },
        truthful({ gateways: 1, expects: 'hit' }),
      ),
      says: /gateway-1 got 0 %/,
    },
  ],
  keys: [
    {
      about: 'a generator without keys',
      run: lie((run) => {
        run.load.outOfKeys = 7
      }),
      says: /7 requests could not be sent/,
    },
  ],
  presence: [
    {
      about: 'users who were there for less than they took',
      run: lie((run) => {
        run.load.present = 30_000
        run.planned = 30_000
      }),
      says: /present for 30,000 s .* 60,000 s; by Little's law/,
    },
    {
      about: 'nobody present',
      run: lie((run) => {
        run.load.present = 0
        run.planned = 0
      }),
      says: /present for 0 s/,
    },
  ],
  attendance: [
    {
      about: 'users of whom most never came',
      run: lie((run) => {
        run.planned = 12 * run.load.present
      }),
      says: /^The users were to be present for 720,000 s in all, and were for 60,000 s; at least 90 %/,
    },
  ],
  generator: [
    {
      about: 'a generator that cannot keep up',
      run: lie((run) => {
        run.load.cores = 0.81
      }),
      says: /used 81 % of its core, over 80 %/,
    },
  ],
  cores: [
    {
      about: 'three gateways on a machine without a core to spare',
      run: lie((run) => {
        run.served.busy = 0.97
      }),
      says: /8 cores were 97 % busy/,
    },
  ],
}

describe('judge', () => {
  it.each(bench())('believes a truthful $name, $shape', (run) => {
    expect(judge(run)).toEqual({ verdict: 'valid', reasons: [] })
  })

  it('has a lie planted for every gate', () => {
    expect(Object.keys(LIES)).toEqual(Object.keys({ ...INVALID, ...INCONCLUSIVE }))
  })

  const lies = Object.entries(LIES).flatMap(([gate, planted]) => planted.map((each) => ({ gate, ...each })))
  it.each(lies)('catches $about by the gate `$gate` alone', ({ gate, run, says }) => {
    expect(caught(run)).toEqual([gate])
    expect(judge(run).verdict).toBe(gate in INCONCLUSIVE ? 'inconclusive' : 'invalid')
    expect(judge(run).reasons).toEqual([expect.stringMatching(says)])
  })

  it('says of a run without requests only that', () => {
    const run = truthful()
    Object.assign(run.load, { requests: 0, statuses: {}, cache: { hit: 0, miss: 0, collapsed: 0, none: 0 } })
    expect(judge(run)).toEqual({ verdict: 'invalid', reasons: ['No request was made: nothing was measured.'] })
  })

  it('does not believe requests that took no time', () => {
    const run = truthful()
    run.load.duration = 0
    expect(judge(run)).toEqual({
      verdict: 'invalid',
      reasons: ['The 37,440 requests took 0 s in all: no rate was measured.'],
    })
  })

  it('does not count failures as misses that were none', () => {
    const run = truthful()
    Object.assign(run.load, {
      statuses: { 200: run.load.requests - 3000, 503: 3000 },
      cache: { hit: 0, miss: run.load.requests - 3000, collapsed: 0, none: 3000 },
    })
    Object.assign(run.served, { databaseReads: run.load.cache.miss, computations: 0 })
    expect(caught(run)).toEqual(['failures'])
  })

  it('calls a lie on a busy machine invalid', () => {
    const run = truthful()
    run.served.busy = 1
    run.load.wrongBodies = 1
    expect(judge(run)).toMatchObject({ verdict: 'invalid', reasons: [/./] })
  })

  it.each([
    ['a collapsed request in a miss test', { cache: { hit: 0, miss: 37_400, collapsed: 40, none: 0 } }],
    ['a failure in a thousand', { statuses: { 200: 37_403, 503: 37 } }],
    ['a busy generator without a core of its own', { cores: 1.6, pinned: false }],
  ])('lets %s pass', (_, load) => {
    const run = truthful()
    Object.assign(run.load, load)
    expect(judge(run).verdict).toBe('valid')
  })

  it('lets a busy generator pass whose connections never wait, and a busy machine with one gateway', () => {
    const run = truthful({ gateways: 1, shape: 'closed' })
    run.load.cores = 1
    run.served.busy = 1
    expect(judge(run).verdict).toBe('valid')
  })

  it('draws its lines at the limits: whatever the share of failures, hits, and counts apart', () => {
    const sizes = fc.record({
      failed: fc.integer({ min: 0, max: 100 }),
      hits: fc.integer({ min: 0, max: 10_000 }),
      apart: fc.integer({ min: -300, max: 300 }),
      busy: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(sizes, ({ failed, hits, apart, busy }) => {
        const run = truthful()
        const misses = 10_000 - hits
        Object.assign(run.load, {
          requests: 10_000,
          statuses: { 200: 10_000 - failed, 503: failed },
          cache: { hit: hits, miss: misses, collapsed: 0, none: 0 },
        })
        const counted = Math.max(0, misses + apart)
        Object.assign(run.served, { databaseReads: counted, computations: 0, busy })
        const expected = {
          failures: failed > 10,
          misses: hits > 500,
          origin: Math.abs(misses - counted) > Math.max(5, 0.01 * Math.max(misses, counted)),
          cores: busy >= 0.95,
        }
        expect(caught(run)).toEqual(Object.entries(expected).flatMap(([gate, is]) => (is ? [gate] : [])))
        for (const reason of judge(run).reasons) expect(reason).not.toMatch(/NaN|Infinity|undefined/)
      }),
    )
  })
})
