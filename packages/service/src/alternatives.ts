/** Of a body that fits none of several schemas, which of them was meant: the errors of all the others would mislead. */
import type { TSchema } from 'typebox'

interface Node {
  oneOf?: readonly Node[]
  anyOf?: readonly Node[]
  properties?: Record<string, { const?: unknown }>
  required?: readonly string[]
}

/**
 * Members that are told apart by a constant (`task: { const: sleep }`) are known by it. Looks at the schema itself alone, not
 * into its properties.
 *
 * @returns the schema to find fault with, or what is wrong already, in words
 */
export function meant(schema: TSchema, value: unknown): TSchema | { instancePath: string; message: string } {
  const node = schema as Node
  const members = node.oneOf ?? node.anyOf
  if (!members || typeof value !== 'object' || value === null) return schema
  const given = value as Record<string, unknown>
  const name = Object.keys(members[0]?.properties ?? {}).find((key) =>
    members.every(({ properties = {} }) => properties[key]?.const !== undefined),
  )
  if (name !== undefined) {
    const member = members.find(({ properties = {} }) => properties[name]?.const === given[name])
    if (member) return member as TSchema
    const known = members.map(({ properties = {} }) => properties[name]?.const).join(', ')
    return {
      instancePath: `/${name}`,
      message: `${name in given ? 'must be' : 'is missing; it must be'} one of ${known}`,
    }
  }
  const names = members.map(({ required = [] }) => required.join(' with '))
  const isChoice = members.every(({ required, ...rest }) => required?.length && Object.keys(rest).length === 0)
  const chosen = members.filter(({ required = [] }) => required.every((key) => Object.hasOwn(given, key)))
  if (!isChoice || chosen.length === 1) return schema
  return { instancePath: '', message: `must have ${node.oneOf ? 'exactly' : 'at least'} one of ${names.join(', ')}` }
}
