/**
 * The shapes of what the API answers, as JSON Schemas.
 */
import type { Schema } from './endpoint.js'

export const text: Schema = { type: 'string' }
export const whole: Schema = { type: 'integer' }
export const truth: Schema = { type: 'boolean' }
/** ISO 8601 in UTC. */
export const moment: Schema = { type: 'string', format: 'date-time' }

export function orNull(schema: Schema): Schema {
  return typeof schema.type === 'string'
    ? { ...schema, type: [schema.type, 'null'] }
    : { anyOf: [schema, { type: 'null' }] }
}

export function list(items: Schema): Schema {
  return { type: 'array', items }
}

/** An object that has these members, all of them, and no others. */
export function object(properties: Record<string, Schema>, description?: string): Schema {
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  }
}

export function ref(name: keyof typeof schemas): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** A page of a longer list. */
export function pageOf(items: Schema): Schema {
  return object({ total: whole, start: whole, items: list(items) })
}

/** As far as a bounded search looked. */
export function foundOf(items: Schema): Schema {
  return object({
    items: list(items),
    looked: { ...whole, description: 'How many entries this call looked at.' },
    next: { ...orNull(text), description: 'Pass it as `cursor` to go on; null when all was looked at.' },
  })
}

const args = {
  description:
    'The arguments, secrets hidden (`reveal` shows them). Numbers that a double cannot hold are rounded here, not in Redis. Null where they are too long to be read here, or there are none to be read.',
}

export const schemas = {
  Error: object({
    error: object({
      status: whole,
      code: { ...text, description: 'A word for programs, such as `not_found`.' },
      title: text,
      message: { ...text, description: 'A sentence: what was expected, what to do.' },
      requestId: { ...text, description: 'Also in the log.' },
    }),
  }),
  Job: object({ class: text, args: { ...args } }, 'A job, as far as it can be read.'),
  Queue: object({
    name: text,
    size: { ...whole, description: '-1 where its key holds no list.' },
    isPaused: truth,
    pausedBy: { ...orNull(text), description: 'Who paused it; null where that is not known.' },
    pausedAt: orNull(moment),
    workers: { ...whole, description: 'Live workers that take from it.' },
    oldestSeconds: {
      ...orNull({ type: 'number' }),
      description: 'The first job has waited at least so long; null where nobody looked.',
    },
    inPerMinute: {
      ...orNull({ type: 'number' }),
      description:
        'Jobs that came, a mean of the last five full minutes: those that ended, and those by which the queue grew. Null where that is not known: no worker of this package told of its jobs, one of Ruby’s takes from the queue too, or jobs were removed.',
    },
    outPerMinute: {
      ...orNull({ type: 'number' }),
      description: 'Jobs that ended, well or not, in the same minutes. Null as above.',
    },
  }),
  Overview: object({
    at: moment,
    pending: whole,
    working: whole,
    workers: whole,
    failed: { ...whole, description: 'Failed jobs that are kept.' },
    processed: whole,
    failedEver: whole,
    isAllPaused: truth,
    allPausedBy: {
      ...orNull(text),
      description: 'Who paused all; null where that is not known, as where it was done in Redis by hand.',
    },
    allPausedAt: orNull(moment),
    queues: list(ref_('Queue')),
    failedLists: list(object({ name: text, size: whole })),
  }),
  PendingJob: object({
    ref: { ...text, description: 'Names this very job in this queue, wherever it is by now.' },
    index: { ...whole, description: '0 is the next to run.' },
    class: text,
    args,
    enqueuedAt: {
      ...orNull(moment),
      description: 'By its payload’s own word; null where that says nothing, as that of most jobs does.',
    },
    isReadable: truth,
    sizeBytes: whole,
  }),
  Worker: object({
    id: text,
    host: text,
    pid: whole,
    queues: list(text),
    state: { ...text, enum: ['idle', 'busy', 'paused', 'stopping', 'lost'] },
    started: text,
    heartbeat: orNull(text),
    process: {
      ...orNull(text),
      description: 'The first slot of its process, for workers of this package; null for Ruby’s.',
    },
    job: orNull(
      object({
        queue: text,
        runAt: text,
        class: text,
        args,
        isReadable: truth,
        sizeBytes: whole,
      }),
    ),
  }),
  FailedJob: object({
    ref: { ...text, description: 'Names this very entry, wherever it is by now.' },
    list: text,
    class: text,
    args,
    queue: text,
    exception: text,
    error: text,
    failedAt: text,
    retriedAt: orNull(text),
    worker: text,
    isReadable: truth,
    sizeBytes: whole,
  }),
  FailedJobDetail: object({
    ref: text,
    list: text,
    class: text,
    args,
    queue: text,
    exception: text,
    error: text,
    backtrace: list(text),
    failedAt: text,
    retriedAt: orNull(text),
    worker: text,
    isReadable: truth,
    sizeBytes: whole,
  }),
  FailureGroup: object({
    id: { ...text, description: 'Pass it as `group` to filter.' },
    class: text,
    exception: text,
    message: text,
    count: whole,
    open: { ...whole, description: 'Not put back yet.' },
    firstAt: orNull(moment),
    lastAt: orNull(moment),
    newestRef: text,
    sparkline: list(whole),
    queues: list(object({ queue: text, count: whole })),
  }),
  Operation: object({
    id: text,
    kind: {
      ...text,
      enum: ['retry', 'remove', 'remove-pending', 'clear', 'remove-delayed', 'remove-schedule'],
    },
    source: { ...text, enum: ['failed', 'queue', 'delayed', 'schedule'] },
    lists: {
      ...list(text),
      description: 'Names of lists, queues or schedules; of delayed jobs their unix second, none for all.',
    },
    intoQueue: orNull(text),
    by: text,
    state: { ...text, enum: ['running', 'done', 'cancelled', 'broken'] },
    phase: { ...text, enum: ['noting', 'acting'] },
    createdAt: moment,
    endedAt: orNull(moment),
    total: whole,
    done: whole,
    skipped: whole,
    gone: whole,
    isUndoable: truth,
    error: text,
  }),
  DelayedJob: object({
    ref: text,
    time: { ...whole, description: 'The unix second it waits for.' },
    class: text,
    args,
    queue: { ...text, description: 'Empty where only its class knows it.' },
    isReadable: truth,
  }),
  Schedule: object({
    name: text,
    class: text,
    args,
    queue: orNull(text),
    cron: orNull(text),
    every: orNull(text),
    description: orNull(text),
    environments: orNull(text),
    lastEnqueuedAt: orNull(text),
    words: { ...orNull(text), description: 'When it fires, in words.' },
    zone: {
      ...orNull(text),
      description: 'The zone its cron names. Null: that of its scheduler, and `next` is as if that were UTC.',
    },
    next: {
      ...list(moment),
      description:
        'Of `every`: told from when it last fired, unless its scheduler was started anew since; empty where it should have fired since.',
    },
    isReadable: truth,
  }),
  AuditEntry: object({
    id: text,
    at: moment,
    user: text,
    role: orNull(text),
    ip: orNull(text),
    action: text,
    target: orNull(text),
    filter: orNull(text),
    count: orNull(whole),
    operation: orNull(text),
    result: text,
    requestId: orNull(text),
  }),
  Plot: object({
    from: { ...moment, description: 'Point i stands for `stepMs` from `from + i * stepMs` on.' },
    stepMs: whole,
    lines: list(object({ name: text, values: list(orNull({ type: 'number' })) })),
  }),
  Marker: object({
    id: { ...text, description: 'Names it, to remove it by.' },
    label: text,
    at: moment,
  }),
  Undone: object({
    restored: whole,
    state: { ...text, enum: ['restored', 'expired', 'running'] },
  }),
  Removed: object({
    count: whole,
    undo: { ...orNull(text), description: 'The path of the POST that brings it back, for 15 minutes.' },
  }),
} satisfies Record<string, Schema>

/** As `ref`, before its name can be checked. */
function ref_(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}
