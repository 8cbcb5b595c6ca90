/** A client that hands in jobs at the front door and looks after them. */
import { type Answer, type Stack, send, until } from './stack.ts'

export function jobClient(stack: Stack, token: string) {
  const post = (json: object) => send(stack.url('/longtask'), { method: 'POST', token, json })
  const look = async (location: string) => (await send(stack.url(location), { token })).json()
  return {
    post,
    look,
    /** Hands a job in; resolves to where it is found. */
    submit: async (json: object) => place(await post(json)),
    /** Resolves to the job when it is over. */
    async ended(location: string) {
      await until(`${location} has ended`, async () => !['queued', 'running'].includes((await look(location)).state))
      return look(location)
    },
  }
}

export const place = ({ headers }: Answer) => headers['location'] as string
