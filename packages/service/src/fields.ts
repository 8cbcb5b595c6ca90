/** What a file may say of header fields. */
import { Type } from 'typebox'

/** RFC 9110, 5.6.2. */
const TOKEN = "^[\\w!#$%&'*+.^`|~-]+$"

export const fieldName = Type.String({ pattern: TOKEN, wants: 'the name of a header field' })

/** RFC 9110, 5.5. */
const fieldValue = Type.String({ pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$', wants: 'a text of one line' })

/** Names, and what they are to be. */
export const fields = Type.Record(Type.String({ pattern: TOKEN }), fieldValue, {
  additionalProperties: false,
  wants: 'names of header fields',
})
