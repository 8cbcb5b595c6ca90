/** How paths look in a routes file, and which of them take the same requests. */

/** One plain segment, as a regular expression: it has no second spelling. */
const PLAIN = '[A-Za-z0-9._~-]+'
/** A plain one, or a `{name}` that stands for any. */
export const SEGMENT = `(${PLAIN}|\\{[A-Za-z][A-Za-z0-9_]*\\})`

/** The same for `/data/{key}` and `/data/{id}`, which take the same requests. */
export function pathShape(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '{}')
}

export function parameterNames(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
}

/** Names that `path` may not use, since `declared` has none of them, with what it has. */
export function unknownNames(path: string, declared: string): string[] {
  const known = parameterNames(declared)
  const has = known.map((name) => `{${name}}`).join(', ') || 'no names'
  return parameterNames(path)
    .filter((name) => !known.includes(name))
    .map((name) => `has {${name}}, which is not in the path; that has ${has}`)
}

/** As Fastify's router has it: `/data/{key}` is `/data/:key`. */
export function routerPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}
