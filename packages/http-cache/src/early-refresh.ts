/** Early refresh: of the readers of a hot entry one asks for it anew before it is stale, so that none has to wait for that. */
import type { Entry } from '@spillway/cache-client'

/** -ln of what `Math.random` gives at least, if not 0: beyond that nothing is early. */
const FARTHEST = 37

/**
 * XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015): whether the
 * time to refresh an entry of this age, in milliseconds, has come for one of its readers. The longer its fill takes, the
 * earlier; the more readers, the surer that one does it in time. `beta`: more is earlier, 0 is never.
 */
export function refreshesEarly(entry: Entry, age: number, beta: number, random: () => number): boolean {
  const left = entry.windows.fresh - age
  const scale = entry.fillMs * beta
  // Most reads are far from it, and pay for neither chance nor logarithm; what is stale is others' matter.
  if (left > scale * FARTHEST || left <= 0) return false
  return scale * -Math.log(random()) >= left
}
