// The types of jobs.mjs, for the tests.

import type { AnyJob } from 'resque-ts'

type Job = AnyJob<unknown[]>

export declare const OkJob: Job
export declare const LowJob: Job
export declare const FailJob: Job
export declare const BadBytesJob: Job
export declare const NoQueueJob: Job
export declare const RejectedJob: Job
export declare const SleepJob: Job
export declare const StubbornJob: Job
export declare const TermJob: Job
export declare const ExitBangJob: Job
export declare const HookJob: Job
export declare const WAKE: string
export declare function note(line: string): Promise<unknown>
export declare function stopNoting(): Promise<void>
