/** The cache service's settings. */
import { type ConfigOf, commonSettings, port, size } from '@spillway/service'

export const settings = {
  ...commonSettings,
  PORT: port({ about: 'Port to listen on; 0 lets the system choose.', default: 5004 }),
  CACHE_MAX_BYTES: size({ about: 'Room for entries, bookkeeping included.', default: '256MiB' }),
}
export type Config = ConfigOf<typeof settings>
