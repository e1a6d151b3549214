// @ts-check
// The job that a child of resque-ts performs. It loads what any module of jobs does.
import { defineJob } from 'resque-ts'
import { QUEUE } from '../adapters/adapter.js'
import { wait } from './wait.js'

export const Job = defineJob({
  name: 'Noop',
  queue: QUEUE,
  perform(/** @type {number} */ _n = 0) {
    return wait()
  },
})
