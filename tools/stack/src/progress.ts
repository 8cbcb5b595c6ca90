/** How a start goes: redrawn in place on a terminal, a line each elsewhere. */
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'

export interface Progress {
  /** Something happened to a service. */
  step: (name: string, what: string) => void
  /** Something to say besides. */
  line: (text: string) => void
  end: () => void
  /** Since it was created, with one decimal. */
  seconds: () => string
}

export function createProgress(out: NodeJS.WriteStream): Progress {
  const began = performance.now()
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
  const line = (text: string) => void out.write(`${text}\n`)
  // A terminal without a size (some CI machines') can redraw nothing.
  if (!out.isTTY || !out.rows) {
    return { step: (name, what) => line(`${seconds().padStart(5)} s  ${name} ${what}`), line, end: () => {}, seconds }
  }
  const draw = createLogUpdate(out)
  const latest = new Map<string, string>()
  return {
    step(name, what) {
      const isDone = what === 'ready' || what === 'done'
      latest.set(name, `${styleText(isDone ? 'green' : 'yellow', isDone ? '●' : '○')} ${name.padEnd(12)} ${what}`)
      draw(`${[...latest.values()].join('\n')}\n${styleText('dim', `${seconds()} s`)}`)
    },
    line(text) {
      draw.done()
      latest.clear()
      line(text)
    },
    end: () => draw.done(),
    seconds,
  }
}
