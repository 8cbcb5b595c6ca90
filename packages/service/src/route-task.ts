/** What a file may say that a route does beside sending requests on: a redirect, an answer of its own, changed fields. */
import { Type } from 'typebox'
import { fieldName, fields } from './fields.ts'
import { type Mistake, mistake, type Path } from './shape.ts'

const closed = { additionalProperties: false }

const FieldChanges = Type.Object(
  {
    set: Type.Optional(fields),
    remove: Type.Optional(Type.Array(fieldName, { wants: 'a list of names' })),
  },
  closed,
)

const Redirect = Type.Object(
  {
    to: Type.String({
      pattern: '^(?=[!-~]+$)(?!.*[^/]\\*$)(https?://[^*]+|/(?![/\\\\])[^*]*)\\*?$',
      wants: 'a URL such as https://shop.example/new or a path; with /* at its end for the rest of the request’s path',
    }),
    status: Type.Optional(
      Type.Enum([301, 302, 303, 307, 308], { wants: 'one of 301, 302, 303, 307, 308', default: 307 }),
    ),
  },
  closed,
)

const Answer = Type.Object(
  {
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, wants: 'a whole number from 200 to 599' })),
    body: Type.Optional(Type.String({ wants: 'a text' })),
    headers: Type.Optional(fields),
  },
  closed,
)

/** To be spread among a route's other properties. */
export const routeTask = {
  redirect: Type.Optional(Redirect),
  answer: Type.Optional(Answer),
  headers: Type.Optional(
    Type.Object({ request: Type.Optional(FieldChanges), response: Type.Optional(FieldChanges) }, closed),
  ),
}

interface Changes {
  readonly set?: Readonly<Record<string, unknown>> | undefined
  readonly remove?: readonly (string | undefined)[] | undefined
}

/** Those keys of a route whose value has the right shape; where it has not, it is undefined. */
interface Task {
  readonly redirect?: object | undefined
  readonly answer?:
    | {
        readonly status?: number | undefined
        readonly body?: string | undefined
        readonly headers?: object | undefined
      }
    | undefined
  readonly headers?: { readonly request?: Changes | undefined; readonly response?: Changes | undefined } | undefined
}

export interface TaskRules {
  /** The key under which a route says where it sends requests. */
  readonly sends: string
  /** Whether nothing else is wrong with the route, so that a task it lacks is not one that is misspelt. */
  readonly whole: boolean
  /** Whether nobody may set or remove this field. */
  reserved(name: string): boolean
}

export function taskMistakes(route: Task, at: Path, { sends, whole, reserved }: TaskRules): Mistake[] {
  const [first, second] = [sends, 'redirect', 'answer'].filter((task) => task in route)
  const { status = 200, body } = route.answer ?? {}
  return [
    ...(first === undefined && whole
      ? [mistake(at, `lacks what it does: one of ${sends}, redirect, answer`, 'missing')]
      : []),
    ...(second === undefined ? [] : [mistake([...at, second], `is beside ${first}; a route does one of them`, 'key')]),
    ...(route.headers !== undefined && first !== undefined && first !== sends
      ? [mistake([...at, 'headers'], `is for routes with ${sends}; an answer has headers of its own`, 'key')]
      : []),
    ...((status === 204 || status === 304) && body
      ? [mistake([...at, 'answer', 'body'], `cannot be sent: a ${status} has no body`, 'key')]
      : []),
    ...reservedFields(route, at, reserved),
  ]
}

function reservedFields({ headers = {}, answer }: Task, at: Path, reserved: TaskRules['reserved']): Mistake[] {
  const why =
    'is not to be changed: it is about one connection, the framing, the host or who asks, or each proxy writes it itself'
  const changes = (['request', 'response'] as const).flatMap((way) => {
    const { set = {}, remove = [] } = headers[way] ?? {}
    const here = [...at, 'headers', way]
    return [
      ...Object.keys(set).map((name) => [name, mistake([...here, 'set', name], why, 'key')] as const),
      ...remove.map((name = '', index) => [name, mistake([...here, 'remove', index], `${name} ${why}`)] as const),
    ]
  })
  const answered = Object.keys(answer?.headers ?? {}).map(
    (name) => [name, mistake([...at, 'answer', 'headers', name], why, 'key')] as const,
  )
  return [...changes, ...answered].flatMap(([name, wrong]) => (reserved(name) ? [wrong] : []))
}
