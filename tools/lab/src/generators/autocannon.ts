/** autocannon as a driver: for closed loads where k6 is not installed. Its latencies are exact, each answer is kept. */
import { createRequire } from 'node:module'
import path from 'node:path'
import { type Driver, DriverError } from '../plan.ts'
import type { Load } from '../run.ts'
import type { Told } from './autocannon-child.ts'
import { type GeneratorOptions, withGenerator } from './generator.ts'

const CHILD = path.join(import.meta.dirname, 'autocannon-child.ts')
/** Seconds beside the plan's: for starting, and for the last answers. */
const ASIDE = 40

export function autocannonDriver(environment: GeneratorOptions['environment']): Driver {
  const name = `autocannon ${version()}`
  return {
    name,
    shapes: ['closed'],
    async run(plan, { signal, onSecond }) {
      if (plan.shape.kind !== 'closed') {
        throw new DriverError(`${name} has no users who join and think; plan a closed load, or install k6 (make k6)`)
      }
      const options: GeneratorOptions = {
        name,
        core: plan.core,
        environment: { PATH: environment['PATH'], NODE_COMPILE_CACHE: environment['NODE_COMPILE_CACHE'] },
        within: (plan.duration + ASIDE) * 1000,
        signal,
        channel: true,
      }
      return withGenerator({ file: process.execPath, args: [CHILD] }, options, async ({ child, pinned, ended }) => {
        let load: Omit<Load, 'pinned'> | undefined
        child.on('message', (told: Told) => {
          if ('second' in told) onSecond(told.second)
          else load = told.load
        })
        // Where it cannot be started, `ended` says so better.
        child.send(plan, () => {})
        await ended()
        if (!load) throw new DriverError(`${name} ended without a result`)
        return { ...load, pinned }
      })
    },
  }
}

function version(): string {
  return (createRequire(import.meta.url)('autocannon/package.json') as { version: string }).version
}
