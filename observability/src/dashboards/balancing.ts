/** Who gets the requests, and why: the balancer's gateways, and the upstreams of each gateway. */
import type { Dashboard } from '../dashboard.ts'
import { chosen, quantile, rate } from '../promql.ts'

const BY = 'job, upstream, endpoint'
const LEGEND = '{{job}}: {{upstream}} {{endpoint}}'
const OF_CLUSTER = '{{job}}: {{upstream}}'

export const balancing: Dashboard = {
  uid: 'balancing',
  title: 'Spillway: Balancing',
  description: 'Requests, failures, latency and condition of every endpoint, as those who choose among them see it.',
  rows: [
    {
      title: 'The front door',
      panels: [
        {
          title: 'Share of each gateway',
          description: 'Of the requests that the balancer sends. What the policy aims at; an ejected one has none.',
          unit: 'percentunit',
          traffic: true,
          stacked: true,
          width: 12,
          queries: [
            {
              expr: `${rate('endpoint', 'spillway_upstream_requests_total', 'job="balancer"')} / scalar(sum(rate(spillway_upstream_requests_total{job="balancer"}[$__rate_interval])))`,
              legend: '{{endpoint}}',
            },
          ],
        },
        {
          title: 'Retries',
          description: 'Requests sent a second time, to another endpoint: each is a failure that no client saw.',
          unit: 'reqps',
          width: 12,
          queries: [
            {
              expr: rate('job, upstream, reason', 'spillway_upstream_retries_total'),
              legend: `${OF_CLUSTER}, {{reason}}`,
            },
          ],
        },
      ],
    },
    {
      title: 'Limits',
      panels: [
        {
          title: 'Waiting',
          description:
            'Requests that wait until an endpoint has room. A line that stays up is a cluster that is too small.',
          unit: 'short',
          queries: [{ expr: `sum by (job, upstream) (${chosen('spillway_upstream_pending')})`, legend: OF_CLUSTER }],
        },
        {
          title: 'Refused',
          description: 'Requests refused with 503 at once, a second, by the limit that was reached.',
          unit: 'reqps',
          queries: [
            {
              expr: rate('job, upstream, limit', 'spillway_upstream_rejected_total'),
              legend: `${OF_CLUSTER}, {{limit}}`,
            },
          ],
        },
        {
          title: 'Retries left',
          description: 'How many the budget allows now, of the process that has least. At 0 failures reach clients.',
          unit: 'short',
          queries: [
            { expr: `min by (job, upstream) (${chosen('spillway_upstream_retry_budget')})`, legend: OF_CLUSTER },
          ],
        },
      ],
    },
    {
      title: 'Endpoints',
      panels: [
        {
          title: 'Requests',
          description: 'Answered or failed, a second.',
          unit: 'reqps',
          traffic: true,
          queries: [{ expr: rate(BY, 'spillway_upstream_requests_total'), legend: LEGEND }],
        },
        {
          title: 'Failures',
          description: 'A second: refused, reset, too late, malformed, or a 5xx of its own. Five in a row eject.',
          unit: 'reqps',
          queries: [{ expr: rate(BY, 'spillway_upstream_failures_total'), legend: LEGEND }],
        },
        {
          title: 'Latency',
          description:
            'To the answer’s head, the mean of the last 10 s. One line far above the others is the slow replica.',
          unit: 's',
          queries: [{ expr: `avg by (${BY}) (${chosen('spillway_upstream_latency_seconds')})`, legend: LEGEND }],
        },
        {
          title: 'Slowest hundredth',
          description: 'To the answer’s head, 99th percentile, out of a histogram’s buckets: 1 ms to 10 s.',
          unit: 's',
          traffic: true,
          queries: [{ expr: quantile(0.99, BY, 'spillway_upstream_head_seconds'), legend: LEGEND }],
        },
        {
          title: 'Connections',
          description:
            'Open to the endpoint. As many as requests in flight at most; new ones all the time are not kept.',
          unit: 'short',
          queries: [{ expr: `sum by (${BY}) (${chosen('spillway_upstream_connections')})`, legend: LEGEND }],
        },
        {
          title: 'In flight',
          description: 'Requests sent and not yet answered to their end.',
          unit: 'short',
          queries: [{ expr: `sum by (${BY}) (${chosen('spillway_upstream_in_flight')})`, legend: LEGEND }],
        },
        {
          title: 'Available',
          description: 'Which endpoints would be chosen now: 1, or 0.',
          unit: 'short',
          queries: [{ expr: `min by (${BY}) (${chosen('spillway_upstream_available')})`, legend: LEGEND }],
        },
        {
          title: 'Ejected',
          description: 'Endpoints that are out because of what became of their requests; the first time for 30 s.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (${BY}) (${chosen('spillway_upstream_condition', 'condition="ejected"')})`,
              legend: LEGEND,
            },
          ],
        },
        {
          title: 'Changes',
          description:
            'Of condition or intent, since the process started, with the reason; the log has the moment of each.',
          unit: 'short',
          width: 24,
          queries: [
            {
              expr: `sum by (job, upstream, endpoint, from, to, reason) (${chosen('spillway_upstream_transitions_total')})`,
              legend: '{{job}}: {{upstream}} {{endpoint}} {{from}} → {{to}}, {{reason}}',
            },
          ],
        },
      ],
    },
  ],
}
