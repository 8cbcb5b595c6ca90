/** What do gateways serve when nearly everything is in their caches? Few keys, again and again. */
import { mix } from '../lib/question.ts'
import { readSettings } from '../lib/settings.ts'
import { options as common } from '../lib/shape.ts'
import { token } from '../lib/sign-in.ts'
import { read, turn } from '../lib/user.ts'

export { handleSummary } from '../lib/summary.ts'

const HOT_KEYS = 50

const settings = readSettings({ keyCount: HOT_KEYS })
const count = Math.min(settings.keys.count, HOT_KEYS)

export const options = common(settings)

export const setup = () => token(settings)

export default (token: string) => turn(settings, token, (next, params) => read(mix(settings, count, next), params))
