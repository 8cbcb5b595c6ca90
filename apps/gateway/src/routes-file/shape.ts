/** Compares a value with a TypeBox schema and says, for whoever wrote the value, every place where it does not fit. */
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

export type Path = readonly (string | number)[]

/** One thing that is wrong: where (a key or its value), and what would be right. */
export interface Mistake {
  at: Path
  on: 'key' | 'value'
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
}

/**
 * Ours and not TypeBox's own list of errors: that one ends after eight, and lists each branch of a union.
 *
 * @param definitions what `$ref` names; a reference may also be met by `true` or `false`, as in JSON Schema
 */
export function mistakesOf(schema: TSchema, value: unknown, at: Path, definitions: Record<string, TSchema>): Mistake[] {
  const node = schema as Node
  const inside = (child: Node | undefined, part: unknown, key: string | number) =>
    mistakesOf(child as TSchema, part, [...at, key], definitions)
  if (node.$ref) {
    return typeof value === 'boolean' ? [] : mistakesOf(definitions[node.$ref] as TSchema, value, at, definitions)
  }
  if (node.items) {
    if (!Array.isArray(value) || value.length < (node.minItems ?? 0)) return [misfit(at, value, node)]
    return value.flatMap((item, index) => inside(node.items, item, index))
  }
  if (!node.properties && !node.patternProperties) {
    return Value.Check(schema, value) ? [] : [misfit(at, value, node)]
  }
  if (!isMapping(value)) return [misfit(at, value, node)]
  return [
    ...(node.required ?? [])
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => mistake(at, `lacks ${key}, which must be ${wanted(node.properties?.[key])}`)),
    ...Object.entries(value).flatMap(([key, part]) => {
      const child = childOf(node, key)
      return child ? inside(child, part, key) : [unknownKey([...at, key], node)]
    }),
  ]
}

export function mistake(at: Path, message: string, on: Mistake['on'] = 'value'): Mistake {
  return { at, on, message }
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function childOf(node: Node, key: string): Node | undefined {
  if (node.properties && Object.hasOwn(node.properties, key)) return node.properties[key]
  return Object.entries(node.patternProperties ?? {}).find(([pattern]) => new RegExp(pattern, 'u').test(key))?.[1]
}

function unknownKey(at: Path, node: Node): Mistake {
  const known = node.properties ? `known are ${Object.keys(node.properties).join(', ')}` : `keys here are ${node.wants}`
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
