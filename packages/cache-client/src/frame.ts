/** An entry as bytes, for both ends of the wire: u32 length, JSON meta, body; checked whole by a CRC-32 on opening. */
import { crc32 } from 'node:zlib'
import { Compile } from 'typebox/compile'
import type { Entry } from './cache.ts'
import type { Windows } from './windows.ts'
import { Meta } from './wire.ts'

/** Bytes that are no entry, or were one before something happened to them. */
export class FrameError extends Error {
  override name = 'FrameError'
}

/** An entry ready to be framed: all but its age is written once, however often it is sent. */
export interface Sealed {
  readonly key: string
  readonly tags: readonly string[]
  readonly windows: Windows
  readonly body: Buffer
  /** The meta's JSON up to `age`. */
  readonly head: string
  readonly bodyCrc: number
}

const LENGTH_BYTES = 4
/** The checksum is the last member, so that it can cover the text before it. */
const CHECKSUM = /,"crc32":\d+\}$/
const meta = Compile(Meta)

export function seal(entry: Omit<Entry, 'ageMs' | 'at'>): Sealed {
  const { key, status, headers, windows, fillMs, tags, vary, body } = entry
  const text = JSON.stringify({ key, status, headers, windows, fillMs, tags, vary })
  return { key, tags, windows, body, head: text.slice(0, -1), bodyCrc: crc32(body) }
}

/** The frame of an entry whose age is `ageMs` at the moment of sending. */
export function frame({ head, body, bodyCrc }: Sealed, ageMs: number): Buffer {
  const covered = `${head},"age":${Math.max(0, Math.ceil(ageMs))}`
  const text = Buffer.from(`${covered},"crc32":${crc32(covered, bodyCrc)}}`)
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, body])
}

/**
 * Reads a whole frame. `at` becomes the moment of the age it states.
 * @throws {FrameError} on anything but the bytes that `frame` wrote
 */
export function open(bytes: Buffer, at: number): Entry {
  const length = bytes.length >= LENGTH_BYTES ? bytes.readUInt32BE() : Number.POSITIVE_INFINITY
  if (LENGTH_BYTES + length > bytes.length) throw new FrameError('the frame is cut short')
  const text = bytes.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)
  const body = bytes.subarray(LENGTH_BYTES + length)
  const found = parse(text)
  const covered = text.replace(CHECKSUM, '')
  if (crc32(covered, crc32(body)) !== found.crc32) throw new FrameError('the checksum does not fit')
  const { age, crc32: _, ...entry } = found
  return { ...entry, body: owned(body), ageMs: age, at }
}

function parse(text: string): Meta {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (cause) {
    throw new FrameError('the meta is not JSON', { cause })
  }
  if (!meta.Check(found)) throw new FrameError('the meta does not fit its schema')
  return found
}

/**
 * In memory of its own. What Node's pool gave, or a part of something larger, keeps all of that, 64 KiB as a rule, as long
 * as the smallest entry in it is kept.
 */
function owned(part: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(part.length)
  part.copy(copy)
  return copy
}
