/** A file of settings in YAML: its content, and where in the text each part of it stands, for whoever wrote it. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { Mistake, Path } from './shape.ts'

/** A place in the file, counted from 1, and what is wrong there. */
interface Located {
  line: number
  column: number
  message: string
}

/** Every mistake found in a file; the message lists them a line each. */
export class YamlError extends Error {
  override name = 'YamlError'
  readonly mistakes: readonly Located[]
  constructor(file: string, mistakes: readonly Located[]) {
    const list = mistakes.map(({ line, column, message }) => `  ${file}:${line}:${column} ${message}`).join('\n')
    super(`${file} has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n${list}`)
    this.mistakes = mistakes
  }
}

export class YamlFile {
  readonly value: unknown
  readonly #name: string
  readonly #document: Document
  readonly #lines = new LineCounter()
  readonly #syntax: readonly Located[]

  /**
   * @param name the file's, for messages
   * @throws {YamlError} where it is no YAML
   */
  constructor(name: string, text: string) {
    this.#name = name
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' })
    const errors = [...this.#document.errors, ...this.#document.warnings]
    this.#syntax = errors.map((error) => this.#located(error.pos[0], error.message))
    // Keys that stand there twice leave a document that can be judged; after any other error the rest would be guesses.
    if (errors.some((error) => error.code !== 'DUPLICATE_KEY')) this.refuse([])
    this.value = this.#plain()
  }

  lineOf(path: Path): number {
    return this.#lines.linePos(this.#offset(path, 'value')).line
  }

  /** @throws {YamlError} where there are mistakes: these, or keys that stand there twice */
  refuse(mistakes: readonly Mistake[]): void {
    const located = mistakes.map(({ at, on, message }) =>
      this.#located(this.#offset(at, on), `${nameOf(at)} ${message}`),
    )
    const all = [...this.#syntax, ...located].toSorted((a, b) => a.line - b.line || a.column - b.column)
    if (all.length > 0) throw new YamlError(this.#name, all)
  }

  #located(offset: number, message: string): Located {
    const { line, col } = this.#lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1), message }
  }

  /** Anchors that contain themselves, or multiply beyond reason, only show here: cycles, when JSON is made of them. */
  #plain(): unknown {
    try {
      const value: unknown = this.#document.toJS()
      JSON.stringify(value)
      return value
    } catch (error) {
      const message = `an alias cannot be followed: ${(error as Error).message}`
      throw Object.assign(new YamlError(this.#name, [this.#located(0, message)]), { cause: error })
    }
  }

  /** What is missing is where its parent is. */
  #offset(path: Path, on: Mistake['on']): number {
    let node = this.#document.contents as Node | null
    let offset = node?.range?.[0] ?? 0
    for (const [depth, part] of path.entries()) {
      node = this.#child(node, part, depth === path.length - 1 ? on : 'value')
      offset = node?.range?.[0] ?? offset
    }
    return offset
  }

  #child(parent: Node | null, part: string | number, on: Mistake['on']): Node | null {
    const node = isAlias(parent) ? parent.resolve(this.#document) : parent
    if (isSeq(node)) return (node.items[part as number] as Node | undefined) ?? null
    if (!isMap(node)) return null
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === part)
    return ((on === 'key' ? pair?.key : (pair?.value ?? pair?.key)) as Node | undefined) ?? null
  }
}

/** `routes[2].request.query`. */
function nameOf(path: Path): string {
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('')
  return name.replace(/^\./, '') || 'the file'
}
