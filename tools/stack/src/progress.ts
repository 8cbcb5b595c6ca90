/** How a start goes: redrawn in place on a terminal, a line each elsewhere. */
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'

export interface Progress {
  /** Something happened to a service. */
  step: (name: string, what: string) => void
  /** Leaves what is drawn, for other lines to follow. */
  end: () => void
  /** Since it was created, with one decimal. */
  seconds: () => string
}

export function createProgress(out: NodeJS.WriteStream): Progress {
  const began = performance.now()
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
  // A terminal without a size (some CI machines') can redraw nothing.
  if (!out.isTTY || !out.rows) {
    return { step: (name, what) => out.write(`${seconds().padStart(5)} s  ${name} ${what}\n`), end: () => {}, seconds }
  }
  const draw = createLogUpdate(out)
  const latest = new Map<string, string>()
  return {
    step(name, what) {
      const isDone = what === 'ready' || what === 'done'
      latest.set(name, `${styleText(isDone ? 'green' : 'yellow', isDone ? '●' : '○')} ${name.padEnd(12)} ${what}`)
      draw(`${[...latest.values()].join('\n')}\n${styleText('dim', `${seconds()} s`)}`)
    },
    end: () => draw.done(),
    seconds,
  }
}
