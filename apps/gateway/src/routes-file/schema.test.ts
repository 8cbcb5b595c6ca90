import { readFileSync } from 'node:fs'
import { isMapping } from '@spillway/service'
import { Compile } from 'typebox/schema'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { definitions } from './json-schema.ts'
import { RoutesSource } from './schema.ts'

const shipped = readFileSync(new URL('../../gateway.routes.yaml', import.meta.url), 'utf8')

/** As editors want it: what the reader takes for granted is said, and what it says in words is an error's message. */
function forEditors(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(forEditors)
  if (!isMapping(schema)) return schema
  const { wants, $ref, ...rest } = schema
  if (typeof $ref === 'string') return { anyOf: [{ type: 'boolean' }, { $ref: `#/$defs/${$ref}` }] }
  const parts = Object.entries(rest).map(([key, part]) => [key, /roperties$/.test(key) ? each(part) : forEditors(part)])
  const closed = 'properties' in rest || 'patternProperties' in rest ? { additionalProperties: false } : {}
  const message = typeof wants === 'string' ? { errorMessage: `It must be ${wants}.` } : {}
  return { ...Object.fromEntries(parts), ...closed, ...message }
}

/** Of a mapping of names to schemas; `additionalProperties: false` is none. */
function each(named: unknown): unknown {
  if (!isMapping(named)) return named
  return Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, forEditors(schema)]))
}

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'The routes file of Spillway’s gateway',
  ...(forEditors(JSON.parse(JSON.stringify(RoutesSource))) as object),
  $defs: each(JSON.parse(JSON.stringify(definitions))),
}

describe('the JSON Schema of routes files', () => {
  it('is docs/gateway.routes.schema.json, for editors', async () => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
      '../../../../docs/gateway.routes.schema.json',
    )
  })

  it('takes the file that ships, which names it', () => {
    expect(Compile(schema).Check(parse(shipped))).toBe(true)
    expect(shipped.split('\n', 1)[0]).toBe('# yaml-language-server: $schema=../../docs/gateway.routes.schema.json')
  })

  it('refuses keys that are not known, wherever they stand', () => {
    const file = parse(shipped) as { upstreams: object; routes: { request?: { params?: object } }[] }
    const [first] = file.routes
    for (const spoilt of [
      { ...file, more: 1 },
      { ...file, upstreams: { ...file.upstreams, db: { endpoints: 'x', polcy: 'hash' } } },
      { ...file, routes: [{ ...first, timout: '5s' }] },
      { ...file, routes: [{ ...first, cache: { scope: 'public', tll: '5s' } }] },
      { ...file, routes: [{ ...first, request: { body: { typ: 'object' } } }] },
    ]) {
      expect(Compile(schema).Check(spoilt)).toBe(false)
    }
  })
})
