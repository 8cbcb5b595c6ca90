/** The words with which a process takes a service's sockets over from the one before it. */
import type { ChildProcess } from 'node:child_process'

/**
 * One at a time accepts. Connections that come between `yield` and `accept` wait in the kernel.
 *
 * ```
 * new process        supervisor        old process
 *     | -- prepared --> |                  |
 *     |                 | ---- yield ----> |   accepts no more
 *     |                 | <-- yielded ---- |
 *     | <--- accept --- |                  |   serves what it accepted, ends
 *     | --- ready ----> |
 * ```
 */
export type Word = 'prepared' | 'accept' | 'ready' | 'yield' | 'yielded'

/** One end of Node's channel between parent and child. */
type Peer = Pick<ChildProcess, 'connected' | 'send' | 'on' | 'off'>

export function tell(peer: Peer | NodeJS.Process, word: Word): void {
  // To one that is going nothing arrives, which is no failure.
  if (peer.connected) peer.send?.(word, undefined, {}, () => {})
}

/** Whether this process was started by one that keeps its sockets and speaks these words. */
export function isSupervised(environment: Record<string, string | undefined>): boolean {
  return process.connected && Boolean(environment['LISTEN_FDS'])
}

/** Resolves to whether `peer` says `word`; false where it is gone before, or `withinMs` go by. */
export function says(peer: Peer | NodeJS.Process, word: Word, withinMs?: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const hear = (said: unknown) => said === word && resolve(true)
  const giveUp = () => resolve(false)
  const timer = withinMs === undefined ? undefined : setTimeout(giveUp, withinMs)
  const events = peer as NodeJS.EventEmitter
  events.on('message', hear).on('exit', giveUp).on('disconnect', giveUp)
  return promise.finally(() => {
    clearTimeout(timer)
    events.off('message', hear).off('exit', giveUp).off('disconnect', giveUp)
  })
}
