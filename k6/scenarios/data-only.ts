/** What do gateways serve of items alone, without business logic? Few keys, again and again. */
import { data } from '../lib/question.ts'
import { readSettings } from '../lib/settings.ts'
import { options as common } from '../lib/shape.ts'
import { token } from '../lib/sign-in.ts'
import { read, turn } from '../lib/user.ts'

export { handleSummary } from '../lib/summary.ts'

const settings = readSettings({ keyCount: 10 })

export const options = common(settings)

export const setup = () => token(settings)

export default (token: string) =>
  turn(settings, token, (next, params) => read(data(settings, next % settings.keys.count), params))
