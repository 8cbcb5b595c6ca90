import { defineConfig } from 'knip'

process.stdout.write(String(defineConfig))
