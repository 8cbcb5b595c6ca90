/** The budget that the cache service keeps. */
import { Compile } from 'typebox/compile'
import type { Dispatcher } from 'undici'
import { patience } from '../patience.ts'
import { type Budget, Lending } from './wire.ts'

/** Somebody waits for it. */
const ANSWER_MS = 250

const lending = Compile(Lending)

export function serviceBudget(pool: Dispatcher): Budget {
  return {
    async borrow(asks) {
      const late = new AbortController()
      const settled = patience(ANSWER_MS, () => late.abort(new Error(`no answer in ${ANSWER_MS} ms`)))
      try {
        const { statusCode, body } = await pool.request({
          method: 'POST',
          path: '/limits/borrow',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ asks }),
          signal: late.signal,
          headersTimeout: 0,
        })
        const lent: unknown = await body.json()
        if (statusCode === 200 && lending.Check(lent)) return lent
        throw new Error(`the cache service answered ${statusCode}`)
      } finally {
        settled()
      }
    },
  }
}
