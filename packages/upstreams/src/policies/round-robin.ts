/** Round robin: each endpoint in its turn, a heavier one more often, never several times at a stretch without need. */
import { type Candidate, type Policy, totalWeight } from './policy.ts'

/**
 * Among more it begins anywhere: many balancers that all began with the first would go from one to the next together. They
 * fall out of step by chance, after about a quarter of the endpoints' square in requests: among few, that is soon.
 */
const FEW = 16

/**
 * Credits as nginx keeps them (smooth weighted round robin): each choice gives every candidate its weight, and takes
 * the sum of all from the chosen one. nginx then chooses the highest credit, which can leave one more than a turn
 * behind; here it is, of those with credit, the one whose next turn is due first ("earliest eligible virtual deadline
 * first", Stoica and Abdel-Wahab 1995). So after any number of choices each is within one turn of its share.
 */
export function roundRobin(): Policy {
  const known = new WeakMap<Candidate, Account>()
  /** Those of the last choice by place: most often the candidates are the same again, and many of them. */
  const accounts: Account[] = []
  let first: number | undefined

  function accountOf(candidate: Candidate, at: number): Account {
    const account = accounts[at]?.candidate === candidate ? accounts[at] : known.get(candidate)
    const own = account ?? { candidate, credit: 0 }
    if (!account) known.set(candidate, own)
    accounts[at] = own
    return own
  }

  return {
    choose(candidates, { random }) {
      const total = totalWeight(candidates)
      const many = candidates.length
      first ??= many > FEW ? Math.floor(random() * many) : 0
      accounts.length = Math.min(accounts.length, many)
      let chosen = 0
      let charged: Account | undefined
      let soonest = Number.POSITIVE_INFINITY
      for (let turn = 0; turn < many; turn++) {
        const at = (first + turn) % many
        const candidate = candidates[at] as Candidate
        const account = accountOf(candidate, at)
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

interface Account {
  readonly candidate: Candidate
  credit: number
}
