/** How everything is, at one look: the first place to come to. */
import type { Dashboard } from '../dashboard.ts'
import { chosen, latency, rate, requests, total, WAITED_FOR } from '../promql.ts'

const READS = 'spillway_gateway_cache_reads_total'

/** The cache's part is in the gateways', whose calls to it are in no client's metric. */
const SPENT = requests('job', 'sum', 'job!="cache"')
const CALLING = rate('job', 'http_client_request_duration_seconds_sum')
const FRONT_DOOR = 'scalar(sum(rate(http_server_request_duration_seconds_count{job="balancer"}[$__rate_interval])))'
/** What callers wait less what those they call take; of the whole stack, whichever replicas are chosen. */
const ON_THE_WAY = `(sum(rate(http_client_request_duration_seconds_sum[$__rate_interval])) - sum(rate(http_server_request_duration_seconds_sum{job!~"balancer|cache", ${WAITED_FOR}}[$__rate_interval])))`

export const overview: Dashboard = {
  uid: 'overview',
  title: 'Spillway: Overview',
  description: 'Rate, errors and latency of each service, where the time goes, and what the processes use.',
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests',
          description: 'A second, per service. From one hop to the next it falls by what the caches answer.',
          unit: 'reqps',
          traffic: true,
          queries: [{ expr: requests('job'), legend: '{{job}}' }],
        },
        {
          title: 'Errors',
          description: 'Answers of 500 and above, a second. A failure behind shows at every hop in front of it, too.',
          unit: 'reqps',
          queries: [
            {
              expr: requests('job, http_response_status_code', 'count', 'http_response_status_code=~"5.."'),
              legend: '{{job}} {{http_response_status_code}}',
            },
          ],
        },
        {
          title: 'Latency, p95',
          description:
            'Nineteen requests of twenty are faster. What only the balancer shows is waiting at the gateways.',
          unit: 's',
          traffic: true,
          queries: [{ expr: latency(0.95, 'job'), legend: '{{job}}' }],
        },
        {
          title: 'Where a request’s time goes',
          description:
            'Mean seconds of a request at the front door, by who spends them itself: its answers less its calls. On the way is what lies between: connecting, processes too busy to listen, and upstreams that are none of ours.',
          unit: 's',
          traffic: true,
          stacked: true,
          width: 12,
          queries: [
            { expr: `(${SPENT} - ${CALLING}) / ${FRONT_DOOR}`, legend: '{{job}}' },
            { expr: `(${SPENT} unless ${CALLING}) / ${FRONT_DOOR}`, legend: '{{job}}' },
            { expr: `${ON_THE_WAY} / ${FRONT_DOOR}`, legend: 'on the way' },
          ],
        },
        {
          title: 'Cache hits',
          description: 'Of all reads at the gateways: from their own memory (l1) and from the cache service (l2).',
          unit: 'percentunit',
          traffic: true,
          stacked: true,
          width: 12,
          queries: [
            {
              expr: `${rate('tier', READS, 'outcome=~"hit|stale"')} / scalar(${total(READS)})`,
              legend: '{{tier}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Behind the scenes',
      panels: [
        {
          title: 'Upstream conditions',
          description:
            'Endpoints in each condition, as the balancer and the gateways see them. All but up need a look.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (job, upstream, condition) (${chosen('spillway_upstream_condition')})`,
              legend: '{{job}}: {{upstream}} {{condition}}',
            },
          ],
        },
        {
          title: 'Queue',
          description: 'Jobs that wait for a worker, and those that run. Waiting ones that grow want more workers.',
          unit: 'short',
          queries: [
            { expr: `max(${chosen('spillway_worker_queue_depth', 'state="queued"')})`, legend: 'waiting' },
            { expr: `sum(${chosen('spillway_worker_running')})`, legend: 'running' },
          ],
        },
        {
          title: 'Requests being answered',
          description: 'Now, per service. A line that climbs while the rate stands still is a queue.',
          unit: 'short',
          queries: [{ expr: `sum by (job) (${chosen('http_server_active_requests')})`, legend: '{{job}}' }],
        },
      ],
    },
    {
      title: 'Processes',
      panels: [
        {
          title: 'CPU',
          description: 'Cores that each replica uses. A Node process that works on one thread ends at 1.',
          unit: 'short',
          traffic: true,
          queries: [{ expr: rate('job, instance', 'process_cpu_seconds_total'), legend: '{{job}} {{instance}}' }],
        },
        {
          title: 'Memory',
          description: 'Resident, per replica. It may rise to a level; a line that goes on rising is a leak.',
          unit: 'bytes',
          queries: [{ expr: chosen('process_resident_memory_bytes'), legend: '{{job}} {{instance}}' }],
        },
        {
          title: 'Event-loop lag, p99',
          description:
            'How late a process comes to what is due. Over some 50 ms it is short of CPU, or something blocks it.',
          unit: 's',
          queries: [{ expr: chosen('nodejs_eventloop_lag_p99_seconds'), legend: '{{job}} {{instance}}' }],
        },
      ],
    },
    {
      title: 'Load (k6)',
      panels: [
        {
          title: 'Requests asked',
          description: 'A second, as k6 counts them: what was to be answered above.',
          unit: 'reqps',
          source: 'k6',
          queries: [{ expr: 'sum(rate(k6_http_reqs_total[$__rate_interval]))', legend: 'asked' }],
        },
        {
          title: 'Requests failed',
          description: 'The share that k6 counts as failed: no answer, or one of 400 and above.',
          unit: 'percentunit',
          source: 'k6',
          queries: [{ expr: 'max(k6_http_req_failed_rate)', legend: 'failed' }],
        },
        {
          title: 'Time asked, p95',
          description: 'As the clients see it; the difference to the balancer’s p95 is the way there and k6 itself.',
          unit: 's',
          source: 'k6',
          queries: [{ expr: 'max(k6_http_req_duration_p95)', legend: 'p95' }],
        },
      ],
    },
  ],
}
