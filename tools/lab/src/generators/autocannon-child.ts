/** The process that autocannon has to itself: takes one plan from its parent, and tells each second and the load. */

import type { DriverSecond, Plan } from '../plan.ts'
import type { Load } from '../run.ts'
import { load } from './autocannon-load.ts'

export type Told = { second: DriverSecond } | { load: Omit<Load, 'pinned'> }

const tell = (told: Told) => process.send?.(told)

process.once('message', async (plan: Plan) => {
  const from = { cpu: process.cpuUsage(), at: performance.now() }
  const seen = await load(plan, (second) => tell({ second }))
  const { user, system } = process.cpuUsage(from.cpu)
  const cores = (user + system) / 1000 / (performance.now() - from.at)
  tell({ load: { ...seen, cores } })
  process.disconnect?.()
})
// Where the parent is gone, nobody wants the load.
process.once('disconnect', () => process.exit())
