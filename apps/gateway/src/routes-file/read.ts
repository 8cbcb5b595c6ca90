/** Reads a routes file: YAML in, a table of routes out, or every mistake in it with line and column. */
import { duration, size } from '@spillway/service'
import { Value } from 'typebox/value'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { definitions } from './json-schema.ts'
import { expand, originsOf, ruleMistakes, type Variables } from './rules.ts'
import { type RouteSource, RoutesSource } from './schema.ts'
import { isMapping, type Mistake, mistakesOf, type Path } from './shape.ts'

/** One route, with its defaults filled in. */
export interface Route extends Pick<RouteSource, 'path' | 'methods' | 'upstream' | 'auth' | 'summary' | 'description'> {
  /** For whom a cached answer may be reused; `none` passes the cache by. */
  cacheScope: 'none' | 'public' | 'role' | 'user'
  identity: 'none' | 'forward'
  /** The upstream's path that this one and what is below it lead to. */
  mount?: string
  /** How long the upstream may take to begin its answer, in milliseconds. */
  timeoutMs: number
  /** Bytes. Without one a body of any length is streamed, unless it has a schema. */
  bodyLimit?: number
  request: NonNullable<RouteSource['request']>
  responses: NonNullable<RouteSource['responses']>
}

export interface RoutesTable {
  /** By name: the endpoints' origins, and the path that says whether one is usable. */
  upstreams: ReadonlyMap<string, { endpoints: readonly string[]; check: string }>
  routes: readonly Route[]
}

/** A place in the file, counted from 1, and what is wrong there. */
export interface Located {
  line: number
  column: number
  message: string
}

/** Every mistake found in a routes file; the message lists them a line each. */
export class RoutesFileError extends Error {
  override name = 'RoutesFileError'
  readonly mistakes: readonly Located[]
  constructor(file: string, mistakes: readonly Located[]) {
    const list = mistakes.map(({ line, column, message }) => `  ${file}:${line}:${column} ${message}`).join('\n')
    super(`${file} has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${list}`)
    this.mistakes = mistakes
  }
}

const Timeout = duration({ about: '' })
const Size = size({ about: '' })

/**
 * @param text the file's content
 * @param options `file` is its name in messages; `variables` are what `${NAME}` may name
 * @throws {RoutesFileError} naming every mistake
 */
export function readRoutes(text: string, options: { file: string; variables: Variables }): RoutesTable {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const at = (offset: number, message: string): Located => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  const syntax = [...document.errors, ...document.warnings]
  const found = syntax.map((error) => at(error.pos[0], error.message))
  // Keys that stand there twice leave a document that can be judged; after any other error the rest would be guesses.
  if (syntax.some((error) => error.code !== 'DUPLICATE_KEY')) throw new RoutesFileError(options.file, sorted(found))

  const source = plain(document, (message) => new RoutesFileError(options.file, [at(0, message)]))
  const place = (path: Path, on: Mistake['on']) => locate(document, path, on)
  const mistakes = [
    ...mistakesOf(RoutesSource, source, [], definitions),
    ...ruleMistakes(source, options.variables, (path) => lines.linePos(place(path, 'value')).line),
  ]
  found.push(...mistakes.map(({ at: path, on, message }) => at(place(path, on), `${nameOf(path)} ${message}`)))
  if (found.length > 0) throw new RoutesFileError(options.file, sorted(found))
  return table(source as RoutesSource, options.variables)
}

/** Anchors that contain themselves, or multiply beyond reason, only show here: cycles, when JSON is made of them. */
function plain(document: Document, refuse: (message: string) => Error): unknown {
  try {
    const value: unknown = document.toJS()
    JSON.stringify(value)
    return value
  } catch (error) {
    throw Object.assign(refuse(`an alias cannot be followed: ${(error as Error).message}`), { cause: error })
  }
}

/** Where in the text a place is; what is missing is where its parent is. */
function locate(document: Document, path: Path, on: Mistake['on']): number {
  let node = document.contents as Node | null
  let offset = node?.range?.[0] ?? 0
  for (const [depth, part] of path.entries()) {
    node = childOf(document, node, part, depth === path.length - 1 ? on : 'value')
    offset = node?.range?.[0] ?? offset
  }
  return offset
}

function childOf(document: Document, parent: Node | null, part: string | number, on: Mistake['on']): Node | null {
  const node = isAlias(parent) ? parent.resolve(document) : parent
  if (isSeq(node)) return (node.items[part as number] as Node | undefined) ?? null
  if (!isMap(node)) return null
  const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === part)
  return ((on === 'key' ? pair?.key : (pair?.value ?? pair?.key)) as Node | undefined) ?? null
}

/** `routes[2].request.query`. */
function nameOf(path: Path): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  return name.replace(/^\./, '') || 'the file'
}

function sorted(mistakes: readonly Located[]): Located[] {
  return mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column)
}

function table(source: RoutesSource, variables: Variables): RoutesTable {
  const upstreams = Object.entries(source.upstreams).map(
    ([name, { endpoints, check = '/ready' }]) =>
      [name, { endpoints: originsOf(expand(endpoints, variables)), check }] as const,
  )
  return { upstreams: new Map(upstreams), routes: source.routes.map((each) => route(each, variables)) }
}

function scopeOf(cache: RouteSource['cache'], auth: RouteSource['auth']): Route['cacheScope'] {
  return isMapping(cache) ? cache.scope : (cache ?? (auth === 'public' ? 'public' : 'user'))
}

function route(source: RouteSource, variables: Variables): Route {
  const { cache, mount, timeout = '15s', bodyLimit, request = {}, responses = {}, identity = 'none', ...rest } = source
  return {
    ...rest,
    cacheScope: mount === undefined ? scopeOf(cache, source.auth) : 'none',
    identity,
    timeoutMs: Value.Decode(Timeout, timeout),
    ...(mount === undefined ? {} : { mount: expand(mount, variables) }),
    ...(bodyLimit === undefined ? {} : { bodyLimit: Value.Decode(Size, bodyLimit) }),
    request,
    responses,
  }
}
