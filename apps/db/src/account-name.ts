/** What a new account may be called: something that nobody takes for another name, and that is safe in logs and shells. */

const MOST = 64
/** Whose letters look like each other's; within one of them a reader can tell names apart. */
const LOOKALIKES = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Lisu'].map(
  (script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const,
)
const ALLOWED = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]*$/u
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u

/** The name as it is kept: in one of the ways that Unicode has of writing it (NFKC). */
export function normalName(name: string): string {
  return name.normalize('NFKC').trim()
}

/** What is wrong with a name as it is kept, for whoever typed it. */
export function nameMistake(name: string): string | undefined {
  if (name === '') return 'the name is empty'
  if (name.length > MOST) return `the name has ${name.length} characters; at most ${MOST} are taken`
  if (!ALLOWED.test(name) || INVISIBLE.test(name)) {
    return 'the name must begin with a letter or digit and have only these and . _ @ + - in it'
  }
  const scripts = LOOKALIKES.filter(([, letters]) => letters.test(name)).map(([script]) => script)
  if (scripts.length > 1) {
    return `the name mixes ${scripts.join(' and ')} letters, which look alike; write it in one of them`
  }
  return undefined
}
