/** How popularity falls with rank: the most asked for first. */

/** Ranks from 0, of which the k-th is drawn 1 / k^exponent as often as the first; exact, by the cumulative sum. */
export function zipf(count: number, exponent: number): (random: () => number) => number {
  const sums = new Float64Array(count)
  let total = 0
  for (let rank = 0; rank < count; rank++) {
    total += (rank + 1) ** -exponent
    sums[rank] = total
  }
  return (random) => {
    const drawn = random() * total
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] as number) > drawn) high = middle
      else low = middle + 1
    }
    return low
  }
}
