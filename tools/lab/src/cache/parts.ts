/** The parts of `make bench-cache`, in the order in which they are measured, and how long each load lasts. */
import { herd } from './herd.ts'
import { memory } from './memory.ts'
import type { FigurePart } from './part.ts'
import { purge } from './purge.ts'
import { skewed } from './skewed.ts'

type FigurePartName = 'herd' | 'zipf' | 'purge' | 'memory'
export type PartName = 'tiers' | FigurePartName

export const FIGURE_PARTS: Readonly<Record<FigurePartName, FigurePart>> = { herd, zipf: skewed, purge, memory }
export const PARTS: readonly PartName[] = ['tiers', 'herd', 'zipf', 'purge', 'memory']
/** Where `DURATION` does not say; the herd and memory have no load that lasts. */
export const SECONDS: Readonly<Record<PartName, number>> = { tiers: 10, herd: 0, zipf: 20, purge: 10, memory: 0 }
