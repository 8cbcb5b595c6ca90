/** Runs the microservice: a primary process that looks after the others, and in each of those the server. */
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { ClusterMetrics, clusterMetrics } from '@spillway/metrics'
import { boot, run } from '@spillway/service'
import { buildApp } from './app.ts'
import { settings } from './config.ts'
import { Processes } from './processes.ts'
import { standingCheck, whenTold } from './words.ts'

const options = { service: 'microservice', settings, environment: process.env }

if (cluster.isPrimary) {
  const { config, context } = boot(options)
  // Each process takes connections itself. Handed on by the primary, one that is on its way to a process which is killed
  // would be nobody's: neither answered nor closed.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ serialization: 'advanced' })
  new ClusterMetrics(cluster, context.registry)
  const processes = new Processes(cluster, config.PROCESSES || availableParallelism(), context)
  process.on('SIGTERM', (signal) => processes.stop(signal)).on('SIGINT', (signal) => processes.stop(signal))
  const exitCode = await processes.run()
  process.exit(exitCode)
} else {
  await run({
    ...options,
    onStop: whenTold(process),
    async build(config, context) {
      const checks = { processes: standingCheck(process) }
      const app = await buildApp(config, context, { checks, metrics: clusterMetrics(process, context.registry) })
      return [{ app, host: config.HOST, port: config.PORT }]
    },
  })
}
