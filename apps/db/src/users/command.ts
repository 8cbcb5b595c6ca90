/** What `spillway users` was asked to do: its arguments, understood, or what is wrong with them. */
import { parseArgs } from 'node:util'
import { Value } from 'typebox/value'
import { nameMistake, normalName } from '../account-name.ts'
import { Roles } from '../routes/sign-in.ts'

/** Where a new password comes from. Never an argument: everybody on the machine can read those. */
export type PasswordSource = 'terminal' | 'stdin' | 'generate'

export type Command =
  | { readonly verb: 'list' }
  | { readonly verb: 'add'; readonly name: string; readonly roles: readonly string[]; readonly from: PasswordSource }
  | { readonly verb: 'password'; readonly name: string; readonly from: PasswordSource }
  | { readonly verb: 'roles'; readonly name: string; readonly roles: readonly string[] }
  | { readonly verb: 'disable' | 'enable' | 'remove'; readonly name: string }

/** The arguments make no command; the message says why. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export const USAGE = `usage: spillway users COMMAND
  list                            every account, its roles, and whether it is disabled
  add NAME [--roles ROLE,ROLE]    make an account
  password NAME                   give it another password
  roles NAME ROLE,ROLE            give it these roles in place of its own; '' for none
  disable NAME                    nobody can sign in to it any more
  enable NAME                     they can again
  remove NAME                     there is no such account any more
add and password ask for the password in a terminal. --password-stdin reads it from standard input, --generate makes one
and prints it. Whatever changes an account signs it out everywhere. DATABASE_URL says where accounts are.
`

const PASSWORD = { 'password-stdin': { type: 'boolean' }, generate: { type: 'boolean' } } as const
const ROLES = { roles: { type: 'string', default: '' } } as const

/** @throws {UsageError} */
export function readCommand([verb = '', ...rest]: readonly string[]): Command {
  switch (verb) {
    case 'list':
      read(verb, rest, [], {})
      return { verb }
    case 'add': {
      const { words, values } = read(verb, rest, ['NAME'], { ...PASSWORD, ...ROLES })
      return { verb, name: newName(words[0]), roles: rolesOf(values['roles']), from: sourceOf(values) }
    }
    case 'password': {
      const { words, values } = read(verb, rest, ['NAME'], PASSWORD)
      return { verb, name: nameOf(words[0]), from: sourceOf(values) }
    }
    case 'roles': {
      const { words } = read(verb, rest, ['NAME', 'ROLES'], {})
      return { verb, name: nameOf(words[0]), roles: rolesOf(words[1]) }
    }
    case 'disable':
    case 'enable':
    case 'remove':
      return { verb, name: nameOf(read(verb, rest, ['NAME'], {}).words[0]) }
    default:
      throw new UsageError(verb === '' ? 'say what to do' : `there is no command ${JSON.stringify(verb)}`)
  }
}

type Options = Record<string, { type: 'string' | 'boolean'; default?: string }>

function read(verb: string, args: readonly string[], wanted: readonly string[], options: Options) {
  const { positionals: words, values } = parsed({ args: [...args], options, allowPositionals: true })
  if (words.length === wanted.length) return { words, values }
  const takes = wanted.length === 0 ? 'nothing more' : wanted.join(' and ')
  throw new UsageError(
    `${verb} takes ${takes}; it was given ${words.length === 1 ? '1 word' : `${words.length} words`}`,
  )
}

function parsed(config: { args: string[]; options: Options; allowPositionals: true }): {
  positionals: string[]
  values: Record<string, unknown>
} {
  try {
    return parseArgs(config)
  } catch (cause) {
    // The first sentence says it; those after it are about `--`.
    throw new UsageError(`${(cause as Error).message.split('. ')[0]}`, { cause })
  }
}

function newName(given = ''): string {
  const name = normalName(given)
  const mistake = nameMistake(name)
  if (mistake !== undefined) throw new UsageError(mistake)
  return name
}

/** Of an account that is there, maybe since before names had rules. */
function nameOf(given = ''): string {
  if (given.trim() === '') throw new UsageError('the name is empty')
  return given
}

function rolesOf(given: unknown = ''): readonly string[] {
  const roles = String(given)
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '')
  const wrong = roles.find((role) => !Value.Check(Roles.items, role))
  if (wrong !== undefined) {
    throw new UsageError(
      `the role ${JSON.stringify(wrong)} must be 1 to 32 small letters, digits and hyphens, a letter first; commas part roles`,
    )
  }
  const distinct = [...new Set(roles)]
  const fits: boolean = Value.Check(Roles, distinct)
  if (!fits) throw new UsageError(`there are ${distinct.length} roles; an account has at most 16`)
  return distinct
}

function sourceOf({ 'password-stdin': stdin, generate }: Record<string, unknown>): PasswordSource {
  if (stdin && generate) throw new UsageError('--password-stdin and --generate are both given; one of them must go')
  if (stdin) return 'stdin'
  return generate ? 'generate' : 'terminal'
}
