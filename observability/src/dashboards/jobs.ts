/** Jobs: what waits, what runs, what became of them. */
import type { Dashboard } from '../dashboard.ts'
import { chosen, quantile, rate } from '../promql.ts'

export const jobs: Dashboard = {
  uid: 'jobs',
  title: 'Spillway: Jobs',
  description: 'The queue, the runs and their outcomes, and the dead letters.',
  rows: [
    {
      title: 'The queue',
      panels: [
        {
          title: 'Waiting',
          description:
            'Jobs that no worker has taken yet. Each worker reports the whole queue, so the largest is the truth.',
          unit: 'short',
          queries: [{ expr: `max(${chosen('spillway_worker_queue_depth', 'state="queued"')})`, legend: 'waiting' }],
        },
        {
          title: 'Oldest waiting job',
          description: 'How long it has been due. Over a minute fires OldestJobWaiting.',
          unit: 's',
          queries: [{ expr: `max(${chosen('spillway_worker_oldest_waiting_seconds')})`, legend: 'oldest' }],
        },
        {
          title: 'Dead letters',
          description: 'Jobs that failed for good, until an operator drives them again or drops them.',
          unit: 'short',
          queries: [{ expr: `max(${chosen('spillway_worker_dead_letters')})`, legend: 'dead' }],
        },
      ],
    },
    {
      title: 'Runs',
      panels: [
        {
          title: 'Running',
          description: 'Now, per worker. At JOB_CONCURRENCY (4) each, all workers are busy.',
          unit: 'short',
          queries: [{ expr: `sum by (instance) (${chosen('spillway_worker_running')})`, legend: '{{instance}}' }],
        },
        {
          title: 'Outcomes',
          description: 'Runs a second, by task: succeeded, failed for good, retried, cancelled.',
          unit: 'short',
          traffic: true,
          queries: [{ expr: rate('task, outcome', 'spillway_worker_jobs_total'), legend: '{{task}} {{outcome}}' }],
        },
        {
          title: 'Duration, p95',
          description: 'Of runs, by task, whatever became of them.',
          unit: 's',
          traffic: true,
          queries: [{ expr: quantile(0.95, 'task', 'spillway_worker_job_duration_seconds'), legend: '{{task}}' }],
        },
      ],
    },
  ],
}
