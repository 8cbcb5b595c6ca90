/** The two load shapes: many users who join and think, or few who never wait; and what every scenario's run has in common. */
import type { Options, Scenario } from 'k6/options'
import type { Settings } from './settings.ts'

/** A request that takes longer is given up; those under way at the end have this long to be answered. */
export const TIMEOUT_MS = 20_000

const scenario = ({ shape, users, joinPerSecond, duration }: Settings): Scenario => {
  if (shape === 'closed') return { executor: 'constant-vus', vus: users, duration: `${ms(duration)}ms`, gracefulStop }
  const joining = users / joinPerSecond
  return {
    executor: 'ramping-vus',
    startVUs: 0,
    stages: [
      { duration: `${ms(joining)}ms`, target: users },
      { duration: `${ms(duration - joining)}ms`, target: users },
    ],
    gracefulStop,
  }
}
const gracefulStop = '25s'
const ms = (seconds: number) => Math.round(seconds * 1000)

export function options(settings: Settings): Options {
  return {
    scenarios: { load: scenario(settings) },
    // Each sample carries its tags, and each new set of them is kept until the end. By this one, signing in before the
    // clock starts is told apart.
    systemTags: ['scenario'],
    maxRedirects: 0,
    summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
    setupTimeout: '10m',
    // Any of these ends the run with exit code 99.
    thresholds: {
      failures: ['count==0'],
      wrong_bodies: ['count==0'],
      out_of_keys: ['count==0'],
      // These always hold: k6 sums apart only what a threshold asks about.
      'http_req_duration{scenario:load}': ['max>=0'],
      'http_req_blocked{scenario:load}': ['max>=0'],
    },
  }
}
