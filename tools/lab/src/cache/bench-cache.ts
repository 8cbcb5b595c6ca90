/** `make bench-cache`: the cache measured in parts, each beside what it is to be compared with. */
import type { Bench } from '../bench.ts'
import { benchParts } from '../measuring/bench-parts.ts'
import type { Parted } from '../measuring/parted.ts'
import { versionsOf } from '../measuring/versions.ts'
import { faults } from './faults.ts'
import { herd } from './herd.ts'
import { l2 } from './l2.ts'
import { loopDelay } from './loop-delay.ts'
import { memory } from './memory.ts'
import { policies } from './policies.ts'
import { purge } from './purge.ts'
import { skewed } from './skewed.ts'
import { tiers } from './tiers.ts'

/** Resolves to the exit code. */
export const benchCache = (bench: Bench): Promise<number> => benchParts(CACHE_PARTS, 'cache.json', bench)

export const CACHE_PARTS: Parted = {
  name: 'cache',
  title: 'The cache, measured',
  all: 'all',
  parts: {
    ...{ tiers, herd, zipf: skewed },
    ...{ purge, l2, memory, 'loop-delay': loopDelay, 'hit-ratio': policies, faults },
  },
  others: 'client, origin and cache service',
  versions: versionsOf('undici', 'fastify'),
}
