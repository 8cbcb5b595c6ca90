/** Items to ask for, put straight into the stack's PostgreSQL: thousands of writes through the API would be a test of their own. */
import pg from 'pg'

export interface Items {
  /** Adds those from number 0 up to and without `count` whose value `itemValue` gives. */
  add(prefix: string, count: number): Promise<void>
  /** Removes every item of these prefixes. */
  remove(prefixes: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** @param url `postgres://…`, with its password */
export async function connectItems(url: string): Promise<Items> {
  const client = new pg.Client({ connectionString: url, application_name: 'lab' })
  // A connection lost between two statements is told by the next one.
  client.on('error', () => {})
  await client.connect()
  return {
    // Made where they are kept: faster than COPY, which would send them.
    async add(prefix, count) {
      await client.query(
        `INSERT INTO items (key, value)
         SELECT key, jsonb_build_object('name', key, 'position', index)
         FROM generate_series(0, $2::int - 1) AS index, LATERAL (SELECT $1 || index AS key) AS named
         ON CONFLICT (key) DO NOTHING`,
        [`${prefix}-`, count],
      )
      // Else the planner may think the table small still.
      await client.query('ANALYZE items')
    },
    async remove(prefixes) {
      await client.query('DELETE FROM items WHERE key LIKE ANY ($1)', [prefixes.map((prefix) => `${prefix}-%`)])
    },
    close: () => client.end(),
  }
}
