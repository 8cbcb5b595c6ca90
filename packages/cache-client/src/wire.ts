/** The wire between gateways and the cache service, for both ends: schemas, header names and the times that bind them. */
import { hash } from 'node:crypto'
import { type Static, Type } from 'typebox'

/** The service counts a session as alive for this long after its last receipt. */
export const SESSION_MS = 2000
/** A gateway may use its L1 for this long after *sending* the last answered confirmation: less, for clocks that drift. */
export const L1_MS = 1800
/** Every line on the stream is confirmed, so pings also keep a session alive. */
export const PING_MS = 500
/** A frame's greatest length: what http-cache stores at most (1 MiB), and as much again for headers and tags. */
export const MAX_FRAME_BYTES = 2 * 1024 * 1024
/** The greatest body of a purge. */
export const MAX_PURGE_BYTES = 1024 * 1024

/** How much two ends may differ about an entry's age: by what it was on its way between them. */
export const AGE_SLACK_MS = 1000

/**
 * Header names. `session`, `url` and `refresh` go with a lookup, `token` with PUT and DELETE, the others come with a
 * verdict.
 */
export const HEADER = {
  session: 'x-spillway-session',
  /** SHA-256 (hex) of the entry's URL tag. */
  url: 'x-spillway-url',
  /** Milliseconds: the asker has an entry of this age in use, and wants a younger one. */
  refresh: 'x-spillway-refresh',
  verdict: 'x-spillway-verdict',
  seq: 'x-spillway-seq',
  token: 'x-spillway-token',
  /** Of a lease: so many bytes follow, the frame of what is to be revalidated. */
  stale: 'x-spillway-stale',
} as const

/**
 * Begins the key of a purge that is no entry's: the rest is what one gateway tells the others, which have heard it when
 * they confirm. Who does not know of this purges nothing.
 */
export const TOLD = 'told:'

/** SHA-256 in hex: what keys and URLs are called in paths and headers. */
export function digest(text: string): string {
  return hash('sha256', text)
}

export const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Seq = Type.Integer({ minimum: 0 })
const Names = Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })
const Duration = Type.Number({ minimum: 0 })
/** Makes stale what it names instead of dropping it. */
const soft = Type.Optional(Type.Literal(true))
const closed = { additionalProperties: false }

/** `POST /purge`: 204 once no gateway can serve what it names. */
export const PurgeBody = Type.Union([
  Type.Object({ keys: Names, soft }, closed),
  Type.Object({ tags: Names, soft }, closed),
  Type.Object({ all: Type.Literal(true), soft }, closed),
])
export type PurgeBody = Static<typeof PurgeBody>

/** `GET /stream`, first line. */
export const Hello = Type.Object({ epoch: Type.String(), session: Type.String(), seq: Seq })
export type Hello = Static<typeof Hello>

/** `GET /stream`, every other line: a purge, or a ping, which names the newest `seq` only. */
export const StreamLine = Type.Union([
  Type.Object({ seq: Seq, keys: Names, soft }, closed),
  Type.Object({ seq: Seq, tags: Names, soft }, closed),
  Type.Object({ seq: Seq, all: Type.Literal(true), soft }, closed),
  Type.Object({ seq: Seq }, closed),
])
export type StreamLine = Static<typeof StreamLine>

/** `PUT /sessions/{id}`: all up to `seq` is applied; 204, or 410 for a session that is no more. */
export const Confirmation = Type.Object({ seq: Seq }, closed)

/** What a fill failed with. */
export const Failure = Type.Object({ status: Type.Integer(), error: Type.String() })

/**
 * First line of a wait's body, when it is decided. After `filled` comes the entry's frame; after `lease` so many bytes
 * of frame as `stale` says, and after `failed` that of a stale entry which may be used instead, where `stale` is true.
 */
export const Decision = Type.Union([
  Type.Object({ outcome: Type.Literal('filled'), seq: Seq }),
  Type.Object({
    outcome: Type.Literal('lease'),
    seq: Seq,
    token: Type.String(),
    stale: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
  Type.Object({
    outcome: Type.Literal('failed'),
    seq: Seq,
    status: Type.Integer(),
    error: Type.String(),
    stale: Type.Optional(Type.Literal(true)),
  }),
  Type.Object({ outcome: Type.Literal('pass'), seq: Seq }),
])
export type Decision = Static<typeof Decision>

/** `DELETE /entries/{hash}`, in the query: why a lease is given back. */
export const Surrender = Type.Union([
  Type.Object({
    reason: Type.Literal('failed'),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    error: Type.String({ maxLength: 200 }),
  }),
  Type.Object({ reason: Type.Literal('uncacheable') }),
  Type.Object({ reason: Type.Literal('abandoned') }),
])
export type Surrender = Static<typeof Surrender>

/** The JSON in an entry's frame. Times are milliseconds. */
export const Meta = Type.Object({
  key: Type.String(),
  status: Type.Integer({ minimum: 100, maximum: 599 }),
  headers: Type.Array(Type.Tuple([Type.String(), Type.String()])),
  /** For how much age it may be used, and how. */
  windows: Type.Object({
    fresh: Duration,
    whileRevalidate: Duration,
    ifError: Duration,
    ifAsked: Duration,
    keep: Duration,
  }),
  fillMs: Duration,
  tags: Type.Array(Type.String()),
  vary: Type.Array(Type.String()),
  age: Duration,
  crc32: Type.Integer({ minimum: 0, maximum: 0xffffffff }),
})
export type Meta = Static<typeof Meta>
