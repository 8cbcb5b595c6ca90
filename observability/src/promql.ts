/** The few expressions that most panels are made of. */

/** What the variables of a dashboard choose. */
const CHOSEN = 'job=~"$job", instance=~"$instance"'
/** Requests that somebody waits for: neither operators' nor those by which gateways keep in touch with the cache, for hours. */
export const WAITED_FOR = 'http_route!~"/health|/ready|/metrics|/stream|/sessions/:id"'

const braces = (labels: readonly string[]) => `{${labels.filter(Boolean).join(', ')}}`

/** A series of the chosen replicas. */
export const chosen = (metric: string, labels = '') => `${metric}${braces([labels, CHOSEN])}`

/** Per second, summed over all. */
export const total = (metric: string, labels = '') => `sum(rate(${chosen(metric, labels)}[$__rate_interval]))`

/** Per second, summed by some labels. */
export const rate = (by: string, metric: string, labels = '') =>
  `sum by (${by}) (rate(${chosen(metric, labels)}[$__rate_interval]))`

/** The same of requests that somebody waits for. */
export const requests = (by: string, of: 'count' | 'sum' = 'count', labels = '') =>
  rate(by, `http_server_request_duration_seconds_${of}`, [WAITED_FOR, labels].filter(Boolean).join(', '))

/** A quantile of a histogram. */
export const quantile = (q: number, by: string, metric: string, labels = '') =>
  `histogram_quantile(${q}, ${rate(`${by}, le`, `${metric}_bucket`, labels)})`

export const latency = (q: number, by: string) => quantile(q, by, 'http_server_request_duration_seconds', WAITED_FOR)
