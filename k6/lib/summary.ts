/** The end of a run: its essentials for people, and all of it as JSON for whoever judges it. */

interface Metric {
  readonly values: Record<string, number>
}

interface Summary {
  readonly metrics: Record<string, Metric | undefined>
}

/** A scenario's `handleSummary`. */
export function handleSummary(summary: Summary): Record<string, string> {
  const seen = whatWasSeen(summary)
  const file = __ENV['SUMMARY_FILE']
  return { stdout: inWords(seen), ...(file ? { [file]: `${JSON.stringify(seen, null, 2)}\n` } : {}) }
}

function whatWasSeen({ metrics }: Summary) {
  const value = (metric: string, field: string) => metrics[metric]?.values[field] ?? 0
  const count = (metric: string) => value(metric, 'count')
  // Without thresholds there is only the whole, which differs by signing in.
  const timed = (metric: string) => (metrics[`${metric}{scenario:load}`] ? `${metric}{scenario:load}` : metric)
  const duration = timed('http_req_duration')
  const blocked = timed('http_req_blocked')
  const sum = (trend: string) => (value(trend, 'avg') * count(trend)) / 1000
  const statuses: Record<string, number> = {}
  for (const [name, metric] of Object.entries(metrics)) {
    const [, status] = /^answers_(\dxx|\d{3}|E\w+)$/.exec(name) ?? []
    if (status && metric?.values['count']) statuses[status] = metric.values['count']
  }
  const requests = count(duration)
  // Of users that were stopped before their last sums were handed over.
  const uncounted = requests - count('requests')
  if (uncounted > 0) statuses['uncounted'] = uncounted
  return {
    /** Seconds, from the first user's coming to the last one's leaving. */
    duration: (value('moments', 'max') - value('moments', 'min')) / 1000,
    requests,
    failures: count('failures'),
    statuses,
    /** Milliseconds, from the request's first byte to the answer's last; connecting, which k6 times apart, left out. */
    latency: {
      average: value(duration, 'avg'),
      p50: value(duration, 'med'),
      p95: value(duration, 'p(95)'),
      p99: value(duration, 'p(99)'),
      max: value(duration, 'max'),
    },
    cache: {
      hit: count('answers_hit'),
      miss: count('answers_miss'),
      collapsed: count('answers_collapsed'),
      none: count('answers_none') + uncounted,
    },
    wrongBodies: count('wrong_bodies'),
    outOfKeys: count('out_of_keys'),
    refusedSignIns: count('refused_sign_ins'),
    /** Seconds, summed over all users. */
    /** By a coarser clock, there while the run goes on. */
    waited: count('waited_seconds'),
    responding: sum(duration) + sum(blocked) + count('untimed_seconds'),
    thinking: count('thinking_seconds'),
    present: count('present_seconds'),
  }
}

function inWords(seen: ReturnType<typeof whatWasSeen>): string {
  const { latency, cache, requests } = seen
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const share = (part: number) => `${part} (${requests ? ((100 * part) / requests).toFixed(1) : 0} %)`
  const list = (entries: Record<string, number>) =>
    Object.entries(entries)
      .map(([name, number]) => `${name} ${share(number)}`)
      .join(', ')
  const faults = {
    failures: seen.failures,
    'wrong bodies': seen.wrongBodies,
    'not sent, as every key was asked for': seen.outOfKeys,
    'sign-ins refused by the limit': seen.refusedSignIns,
  }
  const lines = [
    [
      'requests',
      `${requests} in ${seen.duration.toFixed(1)} s: ${(requests / (seen.duration || 1)).toFixed(0)} a second`,
    ],
    ['answers', list(seen.statuses) || 'none'],
    ['answer time', `average ${ms(latency.average)}, median ${ms(latency.p50)}, p95 ${ms(latency.p95)}`],
    ['', `p99 ${ms(latency.p99)}, longest ${ms(latency.max)}`],
    ['cache', list(cache)],
    ['users', `${(seen.present / (seen.duration || 1)).toFixed(1)} at once on average`],
    ...Object.entries(faults).flatMap(([name, number]) => (number > 0 ? [[`! ${name}`, String(number)]] : [])),
  ]
  return `\n${lines.map(([name = '', text = '']) => `${name.padEnd(12)}  ${text}\n`).join('')}`
}
