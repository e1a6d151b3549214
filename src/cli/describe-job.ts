/**
 * A job as commands show it, given what stands for it in Redis.
 */
import { readJob } from '../job.js'
import type { Payload, WorkingRecord } from '../store/records.js'

/** `Archive [44,"masterbrew"]`. */
export function describeJob(payload: Payload): string {
  const job = readJob(payload)
  return job instanceof Error
    ? `(not a job) ${payload.toString()}`
    : `${job.class} ${JSON.stringify(job.args)}`
}

/** What a worker works on, for programs. */
export function jsonOfJob({ queue, runAt, payload }: WorkingRecord) {
  const job = readJob(payload)
  const isJob = !(job instanceof Error)
  return {
    queue,
    runAt,
    class: isJob ? job.class : '',
    args: isJob ? job.args : [],
    payload: payload.toString(),
  }
}
