/** Checks requests against their schemas, TypeBox's or a file's, and says which field is wrong and what would be right. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { Value } from 'typebox/value'
import { meant } from './alternatives.ts'

/** A part of a request: a field by its JSON pointer, and what is wrong with it. */
interface Fault {
  instancePath: string
  message: string
}

interface PropertiesSchema {
  properties?: Record<string, { type?: unknown }>
}

/** For `setValidatorCompiler`. Nothing is dropped or defaulted: what was checked is what is sent on. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const typed = httpPart === 'body' ? [] : parametersWithTypes(schema as PropertiesSchema)
  return (given: Record<string, unknown>) => {
    const value = typed.length > 0 ? { ...given } : given
    for (const [name, type] of typed) if (Object.hasOwn(value, name)) value[name] = parsed(value[name], type)
    if (validator.Check(value)) return { value }
    const fault = meant(schema, value)
    const faults = 'message' in fault ? [fault as Fault] : errorsOf(fault, value)
    // Fastify wants its own, wider kind of error; these are the two members that are read.
    return { error: faults as unknown as Error }
  }
}

function errorsOf(schema: TSchema, value: unknown): Fault[] {
  return Value.Errors(schema, value).flatMap((error) => faultsOf(error, schema))
}

function parametersWithTypes({ properties = {} }: PropertiesSchema): [name: string, type: unknown][] {
  const types: unknown[] = ['integer', 'number', 'boolean']
  return Object.entries(properties).flatMap(([name, { type }]) => (types.includes(type) ? [[name, type]] : []))
}

/** Parameters arrive as text, and become numbers or booleans where the text is exactly one. */
function parsed(value: unknown, type: unknown): unknown {
  if (typeof value !== 'string') return value
  if (type === 'boolean') return value === 'true' || (value === 'false' ? false : value)
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value
}

function faultsOf({ keyword, instancePath, params, message }: TLocalizedValidationError, schema: TSchema): Fault[] {
  // A property that must not be there is told twice; the other time has its name.
  if (keyword === 'boolean') return []
  if (keyword === 'required') {
    return params.requiredProperties.map((name) => ({ instancePath: `${instancePath}/${name}`, message: 'is missing' }))
  }
  if (keyword === 'additionalProperties') {
    const known = instancePath === '' ? Object.keys((schema as PropertiesSchema).properties ?? {}) : []
    const message = `is not known here${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`
    return params.additionalProperties.map((name) => ({ instancePath: `${instancePath}/${name}`, message }))
  }
  if (keyword === 'enum') return [{ instancePath, message: `must be one of ${params.allowedValues.join(', ')}` }]
  return [{ instancePath, message }]
}
