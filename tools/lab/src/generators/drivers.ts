/** Which load generators there are here, the best first. */

import type { Driver, Shape } from '../plan.ts'
import type { Environment } from '../settings.ts'
import { autocannonDriver } from './autocannon.ts'
import { k6Driver } from './k6.ts'
import { findK6, NEEDED_TEXT } from './k6-binary.ts'

/** k6 where it is installed, for every shape, and autocannon, which comes along, for closed loads. */
export async function drivers(environment: Environment): Promise<readonly Driver[]> {
  const { k6 } = await findK6(environment['PATH'])
  return [...(k6 ? [k6Driver(k6, environment)] : []), autocannonDriver(environment)]
}

/** The first that can do this shape. */
export function driverFor(shape: Shape['kind'], known: readonly Driver[]): Driver | undefined {
  return known.find(({ shapes }) => shapes.includes(shape))
}

/** What to say where no driver can do `users`. */
export const NO_K6 = `k6 ${NEEDED_TEXT} or later is not installed; make k6 brings it`
