/** Compares a value with a TypeBox schema and says, for whoever wrote the value, every place where it does not fit. */
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { isSlip } from './config.ts'

export type Path = readonly (string | number)[]

/** One thing that is wrong: where (a key, its value, or what is missing in that value), and what would be right. */
export interface Mistake {
  at: Path
  on: 'key' | 'value' | 'missing'
  message: string
}

/** What the walk reads of a schema; `wants` says in words what a value must be. */
interface Node {
  wants?: string
  type?: string
  $ref?: string
  properties?: Record<string, Node>
  patternProperties?: Record<string, Node>
  required?: readonly string[]
  items?: Node
  minItems?: number
  anyOf?: readonly Node[]
}

/**
 * Ours and not TypeBox's own list of errors: that one ends after eight, and lists each branch of a union.
 *
 * Of a union a mapping is compared with the first branch that is one, and a list likewise.
 *
 * @param definitions what `$ref` names; a reference may also be met by `true` or `false`, as in JSON Schema
 */
export function mistakesOf(
  schema: TSchema,
  value: unknown,
  at: Path = [],
  definitions: Record<string, TSchema> = {},
): Mistake[] {
  const node = schema as Node
  if (node.$ref) {
    return typeof value === 'boolean' ? [] : mistakesOf(definitions[node.$ref] as TSchema, value, at, definitions)
  }
  const branch = node.anyOf?.find((each) =>
    isMapping(value) ? (each.properties ?? each.patternProperties) : Array.isArray(value) && each.items,
  )
  if (branch) return mistakesOf(branch as TSchema, value, at, definitions)
  if (node.items) {
    if (!Array.isArray(value) || value.length < (node.minItems ?? 0)) return [misfit(at, value, node)]
    return value.flatMap((item, index) => mistakesOf(node.items as TSchema, item, [...at, index], definitions))
  }
  if (node.properties || node.patternProperties) return mistakesOfMapping(node, value, at, definitions)
  return Value.Check(schema, value) ? [] : [misfit(at, value, node)]
}

function mistakesOfMapping(node: Node, value: unknown, at: Path, definitions: Record<string, TSchema>): Mistake[] {
  if (!isMapping(value)) return [misfit(at, value, node)]
  return [
    ...(node.required ?? [])
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => mistake(at, `lacks ${key}, which must be ${wanted(node.properties?.[key])}`, 'missing')),
    ...Object.entries(value).flatMap(([key, part]) => {
      const child = childOf(node, key)
      return child ? mistakesOf(child as TSchema, part, [...at, key], definitions) : [unknownKey([...at, key], node)]
    }),
  ]
}

export function mistake(at: Path, message: string, on: Mistake['on'] = 'value'): Mistake {
  return { at, on, message }
}

/** What is left of a value without its mistakes, for rules that look at what is sound only: one slip is one mistake. */
export function sound(value: unknown, mistakes: readonly Mistake[]): unknown {
  const copy: { '': unknown } = { '': structuredClone(value) }
  for (const { at, on } of mistakes) {
    if (on === 'missing') continue
    const path: Path = ['', ...at]
    let parent: unknown = copy
    for (const part of path.slice(0, -1)) parent = (parent as Record<string | number, unknown> | undefined)?.[part]
    // In a list its place stays, so that the others keep theirs.
    if (parent) (parent as Record<string | number, unknown>)[path.at(-1) as string | number] = undefined
  }
  return copy['']
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function childOf(node: Node, key: string): Node | undefined {
  if (node.properties && Object.hasOwn(node.properties, key)) return node.properties[key]
  return Object.entries(node.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern, 'u').test(key))?.[1]
}

function unknownKey(at: Path, node: Node): Mistake {
  const names = Object.keys(node.properties ?? {})
  const meant = names.find((name) => isSlip(String(at.at(-1)), name))
  const rest = node.properties ? `known are ${names.join(', ')}` : `keys here are ${node.wants}`
  const known = meant === undefined ? rest : `did you mean ${meant}?`
  return mistake(at, `is not a known key; ${known}`, 'key')
}

function misfit(at: Path, value: unknown, node: Node): Mistake {
  return mistake(at, `is ${JSON.stringify(value)}; it must be ${wanted(node)}`)
}

function wanted(node: Node | undefined): string {
  if (node?.patternProperties) return `a mapping whose keys are ${node.wants}`
  if (node?.wants) return node.wants
  return node?.properties ? `a mapping of ${Object.keys(node.properties).join(', ')}` : (node?.type ?? 'a JSON Schema')
}
