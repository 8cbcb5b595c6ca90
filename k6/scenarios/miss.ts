/** What do gateways serve when caches do not help? Every key is asked for once, by whichever user comes next. */
import { outOfKeys } from '../lib/metrics.ts'
import { data, process } from '../lib/question.ts'
import { readSettings } from '../lib/settings.ts'
import { options as common } from '../lib/shape.ts'
import { token } from '../lib/sign-in.ts'
import { count } from '../lib/tally.ts'
import { read, turn } from '../lib/user.ts'

export { handleSummary } from '../lib/summary.ts'

/** As many sample items as `make up` makes. */
const settings = readSettings({ keyCount: 1000 })

export const options = common(settings)

export const setup = () => token(settings)

export default (token: string) =>
  turn(settings, token, (next, params) => {
    if (next < settings.keys.count) return read(next % 2 === 0 ? data(settings, next) : process(settings, next), params)
    count(outOfKeys)
    return false
  })
