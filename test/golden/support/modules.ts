// What a worker's child processes load.

import { fileURLToPath } from 'node:url'

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** The jobs alone. */
export const jobsAlone = [path('../jobs.mjs')]

/** The jobs, and the hooks of the worker that are for its children. */
export const withHooks = [...jobsAlone, path('../worker-hooks.mjs')]
