// The types of jobs.mjs.
import type { AnyJob } from 'resque-ts'

export declare function interopJobs(url: string): { jobs: AnyJob[]; close(): void }
export declare const jobs: AnyJob[]
