/** Reads a body's JSON, and refuses what another reader of the same bytes might take for something else. */
import { isUtf8 } from 'node:buffer'
import { common, Problem } from './problem.ts'

/** Levels of arrays and objects: more than anybody nests by hand, far less than any parser's stack. */
const MAX_DEPTH = 128
/** In all objects together. */
const MAX_MEMBERS = 50_000

/**
 * What `JSON.parse` makes of the bytes, in time linear in their number.
 *
 * @throws {Problem} `malformed_json` where they are no JSON in UTF-8 (RFC 8259; a byte order mark is none);
 * `json_too_complex` for more than 128 levels or 50,000 members; `ambiguous_json` for a name that comes twice in an
 * object, `__proto__`, `constructor.prototype`, a number that a double does not keep, half a surrogate pair
 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw malformed('it is empty')
  if (!isUtf8(bytes)) throw malformed('it is not UTF-8')
  const text = bytes.toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // What V8 says quotes the body, which may hold a password: it is for nobody but the debugger.
    throw malformed('it is not JSON', cause)
  }
  inspect(text)
  return value
}

const [QUOTE, PLUS, MINUS, POINT, ZERO, NINE, COLON] = [0x22, 0x2b, 0x2d, 0x2e, 0x30, 0x39, 0x3a]
const [OPEN_LIST, BACKSLASH, CLOSE_LIST, SMALL_E, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5c, 0x5d, 0x65, 0x7b, 0x7d]

/** An object or list that is not closed yet. */
interface Level {
  /** Of its members so far. */
  readonly names: Set<string>
  /** The last name before it. */
  readonly under: string
}

/** Goes once over text that is known to be JSON, which spares it the grammar. */
function inspect(text: string): void {
  const open: Level[] = []
  let members = 0
  let name = ''
  let [begin, end] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    switch (char) {
      case QUOTE:
        begin = at
        end = at = passString(text, at)
        break
      case COLON:
        name = nameIn(text.slice(begin, end + 1))
        take(name, open.at(-1) as Level)
        if (++members > MAX_MEMBERS) throw tooComplex(`there are more than ${MAX_MEMBERS} members`)
        break
      case OPEN_OBJECT:
      case OPEN_LIST:
        open.push({ names: new Set(), under: name })
        if (open.length > MAX_DEPTH) throw tooComplex(`it is nested more than ${MAX_DEPTH} levels deep`)
        break
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        open.pop()
        break
      default:
        if (isDigit(char) || char === MINUS) at = passNumeral(text, at)
    }
  }
}

/** Of two members of one name a parser takes the first, the last or both (RFC 8259, 4). */
function take(name: string, { names, under }: Level): void {
  if (name === '__proto__' || (name === 'prototype' && under === 'constructor')) {
    throw ambiguous(`${shown(name)} may not be a name here`)
  }
  const { size } = names
  if (names.add(name).size === size) throw ambiguous(`the name ${shown(name)} comes twice in an object`)
}

function nameIn(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
}

/** Returns where the closing quote is. */
function passString(text: string, start: number): number {
  let at = start + 1
  let escapes = false
  for (let char = text.charCodeAt(at); char !== QUOTE; char = text.charCodeAt(++at)) {
    if (char !== BACKSLASH) continue
    escapes = true
    at++
  }
  // UTF-8 has no halves of surrogate pairs: only an escape can bring one (RFC 8259, 8.2).
  if (escapes && !(JSON.parse(text.slice(start, at + 1)) as string).isWellFormed()) {
    throw ambiguous('half a surrogate pair is no text')
  }
  return at
}

/** Returns where the last character is. */
function passNumeral(text: string, start: number): number {
  let at = start
  let whole = true
  let char = text.charCodeAt(at)
  while (isDigit(char) || char === MINUS || char === POINT || char === PLUS || (char | 0x20) === SMALL_E) {
    if (char === POINT || char > NINE) whole = false
    char = text.charCodeAt(++at)
  }
  // Of a short one neither digits nor magnitude can be lost: its exponent has two digits at most.
  const short = at - start <= (whole ? 15 : 4)
  if (!short && !isExact(text.slice(start, at), whole)) {
    throw ambiguous(`the number ${shown(text.slice(start, at))} is not kept exactly; send it as a string`)
  }
  return at - 1
}

/**
 * Whether all who read numbers as doubles, or better, get the same one (RFC 7493, 2.2): whole numbers to 2^53 - 1, others
 * with the 17 digits that tell each double from its neighbours. Minus zero is one of them.
 */
function isExact(numeral: string, whole: boolean): boolean {
  const value = Number(numeral)
  if (whole) return Number.isSafeInteger(value)
  const digits = significant(numeral)
  return digits <= 17 && Number.isFinite(value) && (value !== 0 || digits === 0)
}

/** How many digits a numeral has, without zeros before and behind. By hand, as `/0+$/` takes quadratic time. */
function significant(numeral: string): number {
  let [digits, zeros] = [0, 0]
  for (let at = 0; at < numeral.length; at++) {
    const char = numeral.charCodeAt(at)
    if (char > NINE) break
    if (char < ZERO || (char === ZERO && digits === 0)) continue
    digits++
    zeros = char === ZERO ? zeros + 1 : 0
  }
  return digits - zeros
}

const isDigit = (char: number) => char >= ZERO && char <= NINE
const shown = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
const malformed = (detail: string, cause?: unknown) => new Problem(common.malformed_json, { detail, cause })
const ambiguous = (detail: string) => new Problem(common.ambiguous_json, { detail })
const tooComplex = (detail: string) => new Problem(common.json_too_complex, { detail })
