/** A worker for the tests of summing: counts what it is told to, tells the sum on request. */
import { Counter, clusterMetrics, createRegistry, Gauge, Histogram } from '../src/index.ts'

const registry = createRegistry()
const registers = [registry]
const counter = new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'], registers })
const gauge = new Gauge({ name: 'jobs_waiting', help: 'Jobs in line.', registers })
const histogram = new Histogram({ name: 'job_seconds', help: 'Duration.', buckets: [1, 10], registers })
const read = clusterMetrics(process, registry)

process.on('message', async (message: { count?: number; read?: true }) => {
  if (message.count !== undefined) {
    counter.inc({ kind: 'small' }, message.count)
    gauge.set(message.count)
    histogram.observe(message.count)
    process.send?.({ counted: message.count })
  }
  if (message.read) process.send?.({ text: await read() })
})
process.send?.({ up: true })
