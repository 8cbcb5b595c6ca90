/** Round robin: each usable endpoint in its turn. */

/**
 * Counting over the usable ones only, instead of skipping the others in a fixed order, keeps the share of a missing
 * endpoint from falling to its neighbour alone.
 */
export function roundRobin(candidates: readonly unknown[], { turn }: { readonly turn: number }): number {
  return turn % candidates.length
}
