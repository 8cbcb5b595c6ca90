/** Why PostgreSQL cannot be used, in words for whoever asks `/ready`: its own name users, databases and addresses. */

/** SQLSTATE class 28, invalid authorization. */
const UNAUTHORIZED = /^28/
const SILENT = /timeout/i

/** Of what a connection or a query of pg rejects with. The cause is for the log. */
export function trouble({ code = '', message = '' }: { code?: string; message?: string }): string {
  if (code === 'ECONNREFUSED') return 'PostgreSQL refuses connections'
  if (UNAUTHORIZED.test(code)) return 'PostgreSQL does not take our user or password'
  if (code === 'ETIMEDOUT' || SILENT.test(message)) return 'PostgreSQL does not answer in time'
  return 'PostgreSQL cannot be used; the log says why'
}
