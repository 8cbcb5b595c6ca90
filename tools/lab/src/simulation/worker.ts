/** A thread that simulates one case after the other. */
import { parentPort } from 'node:worker_threads'
import { type PolicyName, policies } from '@spillway/upstreams/simulation'
import { type Case, measure } from './row.ts'

parentPort?.on('message', (asked: Case) => {
  parentPort?.postMessage(measure(asked, policies[asked.policy as PolicyName]))
})
