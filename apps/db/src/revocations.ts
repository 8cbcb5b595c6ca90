/** Tokens that are taken back, as rows: written in one transaction with whatever made it necessary, or alone. */
import { type Revocation, type RevocationPage, TOKEN_LIFETIME_S } from '@spillway/auth'
import type { Database } from '@spillway/postgres'
import type { Caller } from '@spillway/service'

/** What runs one statement; a client of pg does, within its transaction where there is one. */
export interface Sql {
  query(statement: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>
}

/** Each statement alone, over the service's pool. */
export function through(database: Database, caller: Caller): Sql {
  return {
    query: async ({ values, ...statement }) => ({ rows: [...(await database.query(statement, values, caller))] }),
  }
}

/** The same past the line, for the service itself. */
export function aside(database: Database): Sql {
  return { query: async ({ values, ...statement }) => ({ rows: [...(await database.aside(statement, values))] }) }
}

/** Seconds that two clocks may differ by, one of PostgreSQL before and after a failover included. */
const LEEWAY_S = 5
/** Whoever judges a token's end gives it the leeway, by a clock that may be as much behind. */
const LONGER_S = 2 * LEEWAY_S
const PAGE = 500

const NOW = 'floor(extract(epoch FROM clock_timestamp()))::bigint'
/** Waits for the lock: see the migration. */
const NEXT = 'next AS (UPDATE revocation_count SET last = last + 1 RETURNING last)'

const TOKEN = {
  name: 'revoke_token',
  text: `WITH ${NEXT}
         INSERT INTO revocations (seq, token_id, ends_at)
         SELECT last, $1, coalesce($2, ${NOW} + ${TOKEN_LIFETIME_S}) + ${LONGER_S} FROM next
         ON CONFLICT (token_id) DO UPDATE SET seq = excluded.seq, ends_at = greatest(revocations.ends_at, excluded.ends_at)
         RETURNING token_id AS "tokenId", ends_at::float8 AS "endsAt"`,
}

/** What was issued after the one before, in whatever second, is revoked by the next. */
const UNTIL = 'greatest(excluded.issued_until, revocations.issued_until + 1)'
const SUBJECT = {
  name: 'revoke_subject',
  text: `WITH ${NEXT}
         INSERT INTO revocations (seq, subject, issued_until, ends_at)
         SELECT last, $1, until, until + ${TOKEN_LIFETIME_S + LONGER_S}
         FROM (SELECT last, ${NOW} + ${LEEWAY_S} AS until FROM next) AS locked
         ON CONFLICT (subject) DO UPDATE
         SET seq = excluded.seq, issued_until = ${UNTIL}, ends_at = ${UNTIL} + ${TOKEN_LIFETIME_S + LONGER_S}
         RETURNING subject, issued_until::float8 AS "issuedUntil", ends_at::float8 AS "endsAt"`,
}

/**
 * When a token is issued to the account in `username`, seconds since 1970: now, by the clock that revocations have, but
 * later than what of the account's is revoked. So it may lie a few seconds ahead, where somebody signs in right after.
 */
export const ISSUED_AT = `greatest(${NOW}, (SELECT issued_until + 1 FROM revocations WHERE subject = username))::float8`

/** A number that the database has not come to is one of another database: all is told again. */
const READ = {
  name: 'revocations',
  text: `SELECT last::float8, seq::float8, token_id AS "tokenId", subject, issued_until::float8 AS "issuedUntil",
           ends_at::float8 AS "endsAt"
         FROM revocation_count LEFT JOIN LATERAL (
           SELECT * FROM revocations WHERE seq > CASE WHEN $1 > last THEN 0 ELSE $1 END ORDER BY seq LIMIT ${PAGE}
         ) AS page ON true ORDER BY seq`,
}

const SWEEP = { name: 'revocations_sweep', text: `DELETE FROM revocations WHERE ends_at <= ${NOW}` }

/** `expiresAt`: the token's, in seconds since 1970, where it is known; without it, as late as a token of ours can have. */
export async function revokeToken(
  sql: Sql,
  { tokenId, expiresAt }: { tokenId: string; expiresAt?: number | undefined },
): Promise<Revocation> {
  return (await one(sql, TOKEN, [tokenId, expiresAt ?? null])) as Revocation
}

/**
 * All tokens of the subject issued until now; who signs in from now on gets one that counts. In a transaction, call it
 * last: until the commit nobody else can revoke anything, and who signs in meanwhile must have done so within 5 s.
 */
export async function revokeSubject(sql: Sql, subject: string): Promise<Revocation> {
  return (await one(sql, SUBJECT, [subject])) as Revocation
}

/** Those after `after`, which is 0 or the `next` of the page before. */
export async function readRevocations(sql: Sql, after: number): Promise<RevocationPage> {
  const { rows } = await sql.query({ ...READ, values: [after] })
  const read = rows as (Row & { last: number })[]
  const { last = 0, seq } = read.at(-1) ?? {}
  const more = seq != null && seq < last && read.length === PAGE
  return { revocations: read.flatMap(revocationOf), next: more ? seq : last, more }
}

/** Forgets those that name no token any more which anybody would take. */
export async function sweepRevocations(sql: Sql): Promise<void> {
  await sql.query({ ...SWEEP, values: [] })
}

interface Row {
  /** Null, as all that follows, where there is none. */
  seq: number | null
  tokenId: string | null
  subject: string | null
  issuedUntil: number | null
  endsAt: number | null
}

function revocationOf({ tokenId, subject, issuedUntil, endsAt }: Row): Revocation[] {
  if (endsAt === null) return []
  if (tokenId !== null) return [{ tokenId, endsAt }]
  return [{ subject: subject as string, issuedUntil: issuedUntil as number, endsAt }]
}

async function one(sql: Sql, statement: { name: string; text: string }, values: unknown[]): Promise<unknown> {
  return (await sql.query({ ...statement, values })).rows[0]
}
