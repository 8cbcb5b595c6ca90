import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCommand, UsageError } from './command.ts'

describe('the command line of accounts', () => {
  it.each([
    [['list'], { verb: 'list' }],
    [['add', 'ada'], { verb: 'add', name: 'ada', roles: [], from: 'terminal' }],
    [
      ['add', 'Ada', '--roles', 'editor, viewer,editor', '--generate'],
      { verb: 'add', name: 'Ada', roles: ['editor', 'viewer'], from: 'generate' },
    ],
    [['password', 'ada', '--password-stdin'], { verb: 'password', name: 'ada', from: 'stdin' }],
    [['roles', 'ada', 'editor'], { verb: 'roles', name: 'ada', roles: ['editor'] }],
    [['roles', 'ada', ''], { verb: 'roles', name: 'ada', roles: [] }],
    [['disable', 'ada'], { verb: 'disable', name: 'ada' }],
    [['enable', ' an old name '], { verb: 'enable', name: ' an old name ' }],
    [['remove', 'ada'], { verb: 'remove', name: 'ada' }],
  ])('%j is understood', (args, command) => expect(readCommand(args)).toEqual(command))

  it.each([
    [[], 'say what to do'],
    [['lits'], 'there is no command "lits"'],
    [['list', 'ada'], 'list takes nothing more; it was given 1 word'],
    [['add'], 'add takes NAME; it was given 0 words'],
    [['add', 'a da'], 'the name must begin with a letter or digit'],
    [['add', 'ada', '--roles', 'Editor'], 'the role "Editor" must be 1 to 32 small letters'],
    [['add', 'ada', '--roles', 'abcdefghijklmnopq'.split('').join()], 'there are 17 roles; an account has at most 16'],
    [['add', 'ada', '--password-stdin', '--generate'], 'are both given'],
    [['roles', 'ada'], 'roles takes NAME and ROLES'],
    [['enable', ''], 'the name is empty'],
  ])('%j is refused, with what is wrong', (args, why) => {
    expect(() => readCommand(args)).toThrow(UsageError)
    expect(() => readCommand(args)).toThrow(why)
  })

  it('takes no password as an argument, and does not repeat the one it was given', () => {
    const mistake = (() => {
      try {
        return readCommand(['add', 'ada', '--password=hunter2-hunter2'])
      } catch (error) {
        return (error as Error).message
      }
    })()
    expect(mistake).toBe("Unknown option '--password'")
  })

  it('understands or refuses whatever it is given', () => {
    const word = fc.oneof(
      fc.constantFrom('list', 'add', 'roles', 'password', 'disable', '--roles', '--generate', '--', '-x', 'ada'),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (args) => {
        try {
          readCommand(args)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
        }
      }),
    )
  })
})
