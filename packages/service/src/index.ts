export { type AppOptions, createApp, createContext, type ServiceContext } from './app.ts'
export { nextCrash } from './backoff.ts'
export { boot } from './boot.ts'
export { type Caller, callerOf } from './caller.ts'
export { ConfigError, type ConfigOf, readConfig } from './config.ts'
export { type Entry, Gate } from './gate.ts'
export { createLogger } from './log.ts'
export { readMakeConfig } from './make.ts'
export { common as commonProblems, Problem, ProblemBody, problems } from './problem.ts'
export { run } from './run.ts'
export {
  baseUrl,
  choice,
  cidrs,
  common as commonSettings,
  duration,
  list,
  origins,
  port,
  size,
  text,
  WANTED_ORIGINS,
  whole,
} from './settings.ts'
export { holdSockets } from './sockets.ts'
export { supervise } from './supervise.ts'
export { type Command, lastLines, StartError, Supervised, type SupervisedSpec } from './supervised.ts'
