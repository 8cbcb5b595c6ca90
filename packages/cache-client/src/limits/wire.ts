/** `POST /limits/borrow`: what gateways ask of a budget that they share, and what they are lent. */
import { type Static, Type } from 'typebox'

/** Asks in one request. */
export const MAX_ASKS = 500
/** Who is limited, and by which limit; whoever asks shortens what is longer. */
export const MAX_LIMIT_KEY = 256
const MAX_COUNT = 1_000_000

const closed = { additionalProperties: false }

export const Ask = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: MAX_LIMIT_KEY }),
    /** One more each so many milliseconds, */
    intervalMs: Type.Number({ minimum: 0.01, maximum: 2 ** 31 }),
    /** and so many at once. */
    burst: Type.Integer({ minimum: 1, maximum: MAX_COUNT }),
    want: Type.Integer({ minimum: 0, maximum: MAX_COUNT }),
    /** What passed since without having been borrowed; below 0, what was borrowed and is given back. */
    spent: Type.Integer({ minimum: -MAX_COUNT, maximum: MAX_COUNT }),
  },
  closed,
)
export type Ask = Static<typeof Ask>

export const Borrowing = Type.Object({ asks: Type.Array(Ask, { minItems: 1, maxItems: MAX_ASKS }) }, closed)

const Grant = Type.Object({
  granted: Type.Integer({ minimum: 0 }),
  /** What is there still, for everybody. */
  left: Type.Integer({ minimum: 0 }),
  /** Until there is one more. */
  waitMs: Type.Number({ minimum: 0 }),
})
export type Grant = Static<typeof Grant>

/** `grants`: one for each ask, in their order. */
export const Lending = Type.Object({ gateways: Type.Integer({ minimum: 0 }), grants: Type.Array(Grant) })
export type Lending = Static<typeof Lending>

/** A budget that gateways share. */
export interface Budget {
  /** Rejects where nobody answers in time; what was asked for may then be lent all the same. */
  borrow(asks: readonly Ask[]): Promise<Lending>
}
