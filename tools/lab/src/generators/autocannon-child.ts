/** The process that autocannon has to itself: takes one plan from its parent, and tells each second and the load. */
import { answerOnce } from '../measuring/channel.ts'
import type { DriverSecond, Plan } from '../plan.ts'
import { load } from './autocannon-load.ts'

answerOnce(async (plan: Plan, say: (second: DriverSecond) => void) => {
  const from = { cpu: process.cpuUsage(), at: performance.now() }
  const seen = await load(plan, say)
  const { user, system } = process.cpuUsage(from.cpu)
  return { ...seen, cores: (user + system) / 1000 / (performance.now() - from.at) }
})
