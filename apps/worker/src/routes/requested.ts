/** Reads what a request asks for: a task by name, and its input as that task wants it. */
import { commonProblems, Problem } from '@spillway/service'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { JobData } from '../queue.ts'
import type { Tasks } from '../tasks/tasks.ts'

/** Which members there may be beside it depends on the task. */
export const Request = Type.Object({ task: Type.String() })

interface Fault {
  path: string
  message: string
}

/** @throws {Problem} `validation_failed` naming each member that does not fit, and what would */
export function requested({ task, ...input }: { task: string }, tasks: Tasks): Pick<JobData, 'task' | 'input'> {
  const known = tasks.get(task)
  if (!known) throw unfit([{ path: '/task', message: `must be one of ${[...tasks.keys()].join(', ')}` }])
  if (Value.Check(known.input, input)) return { task, input }
  throw unfit(Value.Errors(known.input, input).flatMap(faultsOf))
}

type ValueError = ReturnType<typeof Value.Errors>[number]

function faultsOf(error: ValueError): Fault[] {
  const { instancePath: path, keyword, message } = error
  if (keyword === 'required') {
    return error.params.requiredProperties.map((name) => ({ path: `/${name}`, message: 'is missing' }))
  }
  if (keyword === 'additionalProperties') {
    return error.params.additionalProperties.map((name) => ({ path: `/${name}`, message: 'is not taken by this task' }))
  }
  // Said of each additional member once more.
  return keyword === 'boolean' ? [] : [{ path, message }]
}

function unfit(faults: readonly Fault[]): Problem {
  return new Problem(commonProblems.validation_failed, {
    detail: faults.map(({ path, message }) => `body${path} ${message}`).join('; '),
    errors: faults.map((fault) => ({ in: 'body', ...fault })),
  })
}
