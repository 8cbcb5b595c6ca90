/** What the primary process says to those that work, and how these hear it. */

/** How the processes are: how many listen, of how many, and whether there ever were as many. */
export interface Standing {
  up: number
  wanted: number
  started: boolean
}

export type Word = { word: 'stop'; asked: string } | { word: 'standing'; standing: Standing }

/**
 * For `run`: only the primary stops a process that works. Signals come to the primary as well, as Ctrl-C does to the whole
 * group, and heard twice they would cut the draining short.
 */
export function whenTold(process: NodeJS.Process) {
  return (stop: (asked: string) => void): void => {
    const leave = () => {}
    process.on('SIGTERM', leave).on('SIGINT', leave)
    process.on('message', (message: Word) => {
      if (message?.word === 'stop') stop(message.asked)
    })
  }
}

/** For `/ready`: not ready until as many processes listen as are wanted, degraded while one is being replaced. */
export function standingCheck(process: NodeJS.Process) {
  let known: Standing | undefined
  process.on('message', (message: Word) => {
    if (message?.word === 'standing') known = message.standing
  })
  return (): { status: 'ok' | 'degraded' | 'failing'; detail?: string } => {
    if (!known) return { status: 'failing', detail: 'not heard from the primary yet' }
    const { up, wanted, started } = known
    if (up === wanted) return { status: 'ok' }
    return { status: started ? 'degraded' : 'failing', detail: `${up} of ${wanted} processes listen` }
  }
}
