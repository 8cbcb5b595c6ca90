/** autocannon as a driver: for closed loads where k6 is not installed. Its latencies are exact, each answer is kept. */
import { fileURLToPath } from 'node:url'
import { loadIn } from '../measuring/load-in.ts'
import { versionsOf } from '../measuring/versions.ts'
import { type Driver, DriverError, type DriverSecond } from '../plan.ts'
import type { Load } from '../run.ts'
import type { Environment } from '../settings.ts'
import { isPinned } from './pin.ts'

const CHILD = fileURLToPath(import.meta.resolve('./autocannon-child.ts'))
/** Seconds beside the plan's: for starting, and for the last answers. */
const ASIDE = 40

export function autocannonDriver(environment: Environment): Driver {
  const name = `autocannon ${versionsOf('autocannon')['autocannon']}`
  const own = { PATH: environment['PATH'], NODE_COMPILE_CACHE: environment['NODE_COMPILE_CACHE'] }
  return {
    name,
    shapes: ['closed'],
    async run(plan, { signal, onSecond }) {
      if (plan.shape.kind !== 'closed') {
        throw new DriverError(`${name} has no users who join and think; plan a closed load, or install k6 (make k6)`)
      }
      const { core, duration } = plan
      const options = { name, core, environment: own, within: (duration + ASIDE) * 1000, signal }
      const load = await loadIn<Omit<Load, 'pinned'>, DriverSecond>(CHILD, plan, options, onSecond)
      return { ...load, pinned: isPinned(core, environment['PATH']) }
    },
  }
}
