/** What do gateways serve of items alone, without business logic? Few keys, again and again. */
import { data, type Question } from '../lib/question.ts'
import { readSettings } from '../lib/settings.ts'
import { options as common } from '../lib/shape.ts'
import { token } from '../lib/sign-in.ts'
import { read, turn } from '../lib/user.ts'

export { handleSummary } from '../lib/summary.ts'

const settings = readSettings({ keyCount: 10 })
const questions = Array.from({ length: Math.min(settings.keys.count, 1000) }, (_, index) => data(settings, index))

export const options = common(settings)

export const setup = () => token(settings)

export default (token: string) =>
  turn(settings, token, (next, params) => read(questions[next % questions.length] as Question, params))
