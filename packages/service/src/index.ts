export { within } from './addresses.ts'
export { type AppOptions, createApp, createContext, type ServiceContext } from './app.ts'
export { nextCrash } from './backoff.ts'
export { boot } from './boot.ts'
export { type Caching, cachingSettings, cdnCacheControl } from './caching.ts'
export { type Caller, callerOf } from './caller.ts'
export { ConfigError, type ConfigOf, readConfig, withFiles } from './config.ts'
export { fields } from './fields.ts'
export { createFront, type Front } from './front.ts'
export { type Entry, Gate } from './gate.ts'
export { parseJson } from './json.ts'
export { createLogger } from './log.ts'
export { readMakeConfig } from './make.ts'
export { common as commonProblems, Problem, ProblemBody, problemResponse, problems } from './problem.ts'
export { Changes, type Reloaded, reloadRefused, reloads } from './reload.ts'
export { routeTask, taskMistakes } from './route-task.ts'
export { run } from './run.ts'
export {
  baseUrl,
  choice,
  cidr,
  cidrs,
  common as commonSettings,
  duration,
  list,
  origin,
  origins,
  port,
  size,
  text,
  WANTED_ORIGINS,
  whole,
} from './settings.ts'
export { isMapping, type Mistake, mistake, mistakesOf, type Path, sound } from './shape.ts'
export { holdSockets } from './sockets.ts'
export { supervise } from './supervise.ts'
export { type Command, lastLines, StartError, Supervised, type SupervisedSpec } from './supervised.ts'
export { Turns } from './turns.ts'
export { validatorCompiler } from './validation.ts'
export { watchLoop } from './watch-loop.ts'
export { YamlError, YamlFile } from './yaml-file.ts'
