/** The parts of `make bench-cache`, in the order in which they are measured. */
import { faults } from './faults.ts'
import { herd } from './herd.ts'
import { l2 } from './l2.ts'
import { loopDelay } from './loop-delay.ts'
import { memory } from './memory.ts'
import type { ComparedPart, FigurePart } from './part.ts'
import { policies } from './policies.ts'
import { purge } from './purge.ts'
import { skewed } from './skewed.ts'
import { tiers } from './tiers.ts'

export type PartName = 'tiers' | 'herd' | 'zipf' | 'purge' | 'l2' | 'memory' | 'loop-delay' | 'hit-ratio' | 'faults'

export const PARTS: Readonly<Record<PartName, ComparedPart | FigurePart>> = {
  ...{ tiers, herd, zipf: skewed },
  ...{ purge, l2, memory, 'loop-delay': loopDelay, 'hit-ratio': policies, faults },
}
export const partNames = Object.keys(PARTS) as readonly PartName[]
