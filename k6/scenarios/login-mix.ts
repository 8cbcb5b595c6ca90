/** What do sign-ins cost those who read? Many accounts read; one request in twenty is a sign-in. */
import exec from 'k6/execution'
import { mix } from '../lib/question.ts'
import { readSettings } from '../lib/settings.ts'
import { options as common } from '../lib/shape.ts'
import { accountName, credentials, tokens } from '../lib/sign-in.ts'
import { read, signInAgain, turn } from '../lib/user.ts'

export { handleSummary } from '../lib/summary.ts'

const HOT_KEYS = 50
const SIGN_IN_EVERY = 20

const settings = readSettings({ keyCount: HOT_KEYS, users: 100, manyAccounts: true })
const count = Math.min(settings.keys.count, HOT_KEYS)

export const options = common(settings)

export const setup = () => tokens(settings)

export default (tokens: string[]) => {
  // Users beyond the number of accounts share them in turn.
  const account = (exec.vu.idInTest - 1) % settings.accounts
  turn(settings, tokens[account] ?? '', (next, params) =>
    next % SIGN_IN_EVERY === SIGN_IN_EVERY - 1
      ? signInAgain(settings.url, credentials(accountName(account), settings.password))
      : read(mix(settings, count, next), params),
  )
}
