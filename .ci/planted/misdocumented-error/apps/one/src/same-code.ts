/** The same code as in the table of errors, with another status. */
export class Documented extends Error {
  readonly code = 'documented'
  readonly statusCode = 410
}
