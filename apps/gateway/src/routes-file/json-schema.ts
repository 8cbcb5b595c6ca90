/** The JSON Schema that a routes file may use: the keywords that are checked here, so that a misspelt one is a mistake. */
import { type TSchema, Type } from 'typebox'

/** As in the file; handed to the validator and to OpenAPI as it is. */
export type JsonSchema = Readonly<Record<string, unknown>>

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']
const typeName = Type.Enum(TYPES)

const nested = () => Type.Unsafe<JsonSchema>({ $ref: 'JsonSchema' })
const oneOf = (wants: string) => Type.Optional(Type.Array(nested(), { minItems: 1, wants }))
const count = () => Type.Optional(Type.Integer({ minimum: 0, wants: 'a whole number from 0' }))
const number = () => Type.Optional(Type.Number({ wants: 'a number' }))
const words = () => Type.Optional(Type.String({ wants: 'a text' }))
const anything = () => Type.Optional(Type.Unknown())
const named = (wants: string) => Type.Record(Type.String(), nested(), { wants })
const names = () => Type.Optional(Type.Array(Type.String({ wants: 'a name' }), { wants: 'a list of names' }))

const JsonSchemaObject = Type.Object(
  {
    type: Type.Optional(
      Type.Union([typeName, Type.Array(typeName, { minItems: 1 })], { wants: `one of ${TYPES.join(', ')}, or a list` }),
    ),
    title: words(),
    description: words(),
    default: anything(),
    examples: Type.Optional(Type.Array(Type.Unknown(), { wants: 'a list' })),
    const: anything(),
    enum: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1, wants: 'a list of values' })),
    properties: Type.Optional(named('names')),
    patternProperties: Type.Optional(named('regular expressions')),
    additionalProperties: Type.Optional(nested()),
    required: names(),
    minProperties: count(),
    maxProperties: count(),
    items: Type.Optional(nested()),
    minItems: count(),
    maxItems: count(),
    uniqueItems: Type.Optional(Type.Boolean({ wants: 'true or false' })),
    minLength: count(),
    maxLength: count(),
    pattern: Type.Optional(Type.String({ format: 'regex', wants: 'a regular expression' })),
    format: words(),
    minimum: number(),
    maximum: number(),
    exclusiveMinimum: number(),
    exclusiveMaximum: number(),
    multipleOf: Type.Optional(Type.Number({ exclusiveMinimum: 0, wants: 'a number above 0' })),
    anyOf: oneOf('a list of schemas'),
    oneOf: oneOf('a list of schemas'),
    allOf: oneOf('a list of schemas'),
    not: Type.Optional(nested()),
  },
  { wants: 'a JSON Schema' },
)

/** What `$ref` means in the schemas of this folder. */
export const definitions: Record<string, TSchema> = { JsonSchema: JsonSchemaObject }

/** A schema for one value. */
export const jsonSchema = nested

/** A schema for parameters: always an object, whose properties are the parameters. */
export const Parameters = Type.Object({
  type: Type.Literal('object', { wants: 'object' }),
  properties: named('names of parameters'),
  required: names(),
  additionalProperties: Type.Optional(Type.Boolean({ wants: 'true or false' })),
})
