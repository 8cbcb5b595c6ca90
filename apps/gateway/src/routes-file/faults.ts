/** What `faults` may say: how much of a route's traffic is delayed or refused on purpose, for those who teach or test. */
import { duration, whole } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const Duration = duration({ about: '' })
/** At most 15 s, for which a proxy waits for an answer; as a pattern, so that clients can know it. */
const DELAY = '^((\\d{1,4}|1[0-4]\\d{3}|15000)ms|(\\d|1[0-4])(\\.\\d{1,3})?s|15s)$'

const share = Type.Number({ minimum: 0, maximum: 1, wants: 'a share of all requests, from 0 to 1' })

export const FaultsSource = Type.Object(
  {
    delay: Type.Optional(
      Type.Object(
        {
          for: Type.String({ pattern: DELAY, wants: 'a duration such as 200ms, at most 15s' }),
          share,
        },
        { additionalProperties: false },
      ),
    ),
    abort: Type.Optional(
      Type.Object(
        { status: whole({ about: 'What is answered.', minimum: 400, maximum: 599 }), share },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
export type FaultsSource = Static<typeof FaultsSource>

/** What befalls one request. */
export interface Fault {
  /** Milliseconds; 0 where it is not delayed. */
  readonly delayMs: number
  /** What it is answered with, after the delay. */
  readonly status?: number
}

/** @param random at least 0 and below 1; drawn from once for each kind of fault that there is */
export function drawn({ delay, abort }: FaultsSource, random: () => number): Fault {
  const delayMs = delay && random() < delay.share ? Value.Decode(Duration, delay.for) : 0
  return abort && random() < abort.share ? { delayMs, status: abort.status } : { delayMs }
}
