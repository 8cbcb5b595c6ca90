/** Round robin: each endpoint in its turn, a heavier one more often, never several times at a stretch without need. */
import { type Candidate, type Policy, totalWeight } from './policy.ts'

/**
 * Credits as nginx keeps them (smooth weighted round robin): each choice gives every candidate its weight, and takes
 * the sum of all from the chosen one. nginx then chooses the highest credit, which can leave one more than a turn
 * behind; here it is, of those with credit, the one whose next turn is due first ("earliest eligible virtual deadline
 * first", Stoica and Abdel-Wahab 1995). So after any number of choices each is within one turn of its share.
 */
export function roundRobin(): Policy {
  const credits = new WeakMap<Candidate, { credit: number }>()
  return {
    choose(candidates) {
      const total = totalWeight(candidates)
      let chosen = 0
      let charged: { credit: number } | undefined
      let soonest = Number.POSITIVE_INFINITY
      for (let at = 0; at < candidates.length; at++) {
        const candidate = candidates[at] as Candidate
        const account = credits.get(candidate) ?? opened(credits, candidate)
        account.credit += candidate.weight
        const due = (total - account.credit) / candidate.weight
        const eligible = account.credit > 0
        const before = charged !== undefined && charged.credit > 0
        if (eligible === before ? due < soonest : eligible) {
          chosen = at
          charged = account
          soonest = due
        }
      }
      if (charged) charged.credit -= total
      return chosen
    },
  }
}

function opened(credits: WeakMap<Candidate, { credit: number }>, candidate: Candidate): { credit: number } {
  const account = { credit: 0 }
  credits.set(candidate, account)
  return account
}
