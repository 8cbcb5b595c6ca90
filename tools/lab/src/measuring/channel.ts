/** What a process that takes part in a measurement and its parent say to each other, through Node's channel. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const ANSWERS_WITHIN_MS = 10_000

/** What a child says: the answer, or something on the way to it. */
export type Said<A, T = never> = { readonly answer: A } | { readonly meanwhile: T }

/** For a child that does one thing: it is told what, says what came of it, and ends. */
export function answerOnce<P, A, T = never>(act: (plan: P, say: (meanwhile: T) => void) => Promise<A>): void {
  process.once('message', async (plan: P) => {
    const answer = await act(plan, (meanwhile) => process.send?.({ meanwhile } satisfies Said<A, T>))
    process.send?.({ answer } satisfies Said<A, T>)
    process.disconnect?.()
  })
  // Where the parent is gone, nobody wants to know.
  process.once('disconnect', () => process.exit())
}

/** For a child that is asked now and then: what it answers to each question. */
export function answerEach(answers: Readonly<Record<string, () => unknown>>): void {
  process.on('message', (asked: string) => process.send?.({ asked, answer: answers[asked]?.() }))
  process.once('disconnect', () => process.exit())
}

/** Of a child that answers each; it may say other things meanwhile. */
export async function ask<A = void>({ child }: { child: ChildProcess }, asked: string, stop: AbortSignal): Promise<A> {
  // A child that was stopped meanwhile says nothing any more.
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWERS_WITHIN_MS)])
  child.send(asked, () => {})
  for (;;) {
    const [said] = (await once(child, 'message', { signal })) as [{ asked?: string; answer: A }]
    if (said.asked === asked) return said.answer
  }
}
