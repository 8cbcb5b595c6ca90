/** Popularity as it is found on the web: few are asked for often, most seldom. */

/**
 * Ranks from 0, the k-th with a probability of 1 / k^`exponent` to its neighbours' measure: exact, by the cumulative sum.
 * 0 asks for all of them equally.
 */
export function zipf(count: number, exponent: number): (random: () => number) => number {
  const upTo = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent
    upTo[rank] = sum
  }
  return (random) => firstAbove(upTo, random() * sum)
}

function firstAbove(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
