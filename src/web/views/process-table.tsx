/**
 * Worker processes, a row each, with heads that sort them.
 */
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { WebContext } from '../context.js'
import { className, doing, JOBS_OF_PROCESS } from '../live-state.js'
import { type Done, type ProcessOrder, processOrders, type Way } from '../process-order.js'
import { type Process, stateOf, vitalsOf } from '../processes.js'
import { encodeSegment, path } from '../url.js'
import { Count, Link, Name, SortHead, StatusWord, Time } from './components.js'
import { bytes } from './text.js'
import { LoopDelay, QueueNames } from './worker-facts.js'

/** More of a process's queues are on its own page. */
const MAX_QUEUES = 5

/** By what they are sorted, which way, and where the links that sort otherwise lead. */
export interface Sorting {
  order: ProcessOrder
  way: Way
  to: string
}

export function ProcessTable({
  web,
  processes,
  done,
  sorting,
}: {
  web: WebContext
  processes: readonly Process[]
  /** Of each process, by its id. */
  done: ReadonlyMap<string, Done>
  sorting: Sorting
}) {
  const Head = ({
    by,
    class: className,
    children,
  }: PropsWithChildren<{ by: ProcessOrder; class?: string }>): Child => (
    <SortHead
      web={web}
      to={sorting.to}
      query={{ sort: by === 'process' ? undefined : by }}
      first={processOrders[by]}
      current={sorting.order === by ? sorting.way : undefined}
      {...(className !== undefined && { class: className })}
    >
      {children}
    </SortHead>
  )
  return (
    <table class="cards pairs sorted workers">
      <caption class="hidden">Worker processes; the heads of columns sort them</caption>
      <thead>
        <tr>
          <Head by="process">Process</Head>
          <Head by="state">State</Head>
          <th scope="col" class="end">
            Busy
          </th>
          <th scope="col">Queues</th>
          <Head by="memory" class="end less">
            Memory
          </Head>
          <Head by="lag" class="end">
            Loop delay
          </Head>
          <Head by="started" class="less">
            Started
          </Head>
          <th scope="col">Heartbeat</th>
          <Head by="processed" class="end less">
            Processed
          </Head>
          <Head by="failed" class="end">
            Failed
          </Head>
          <Head by="running">Working on</Head>
        </tr>
      </thead>
      <tbody>
        {processes.map((process) => (
          <ProcessRow web={web} process={process} done={done.get(process.id)} />
        ))}
      </tbody>
    </table>
  )
}

function ProcessRow({ web, process, done }: { web: WebContext; process: Process; done: Done | undefined }) {
  const { slots } = process
  const state = stateOf(slots)
  const busy = slots.filter(({ job }) => job !== undefined)
  const [first] = slots
  const vitals = vitalsOf(slots)
  return (
    <tr class={state === 'lost' ? 'is-lost' : ''} data-live-id={encodeSegment(process.id)}>
      <th scope="row" class="worker">
        <Link web={web} to={path`/workers/${first?.id ?? process.id}`}>
          <Name limit={100}>{`${process.host}:${process.pid}`}</Name>
        </Link>{' '}
        <span class="faint">
          {process.isOurs ? vitals && <Name limit={30}>{vitals.version}</Name> : 'Ruby'}
        </span>
      </th>
      <td data-label="State" data-live="process:">
        <StatusWord status={state} />
      </td>
      <td class="end num" data-label="Busy" data-live="slots:">
        {busy.length} / {slots.length}
      </td>
      <td class="whole" data-label="Queues">
        <QueueNames web={web} queues={first?.queues ?? []} most={MAX_QUEUES} />
      </td>
      <td class={`end num less${vitals ? '' : ' blank'}`} data-label="Memory" data-live="memory:">
        {vitals ? bytes(vitals.rssBytes) : '–'}
      </td>
      <td class={`end num${vitals ? '' : ' blank'}`} data-label="Loop delay" data-live="delay:">
        {vitals ? <LoopDelay ms={vitals.lagMs} /> : '–'}
      </td>
      <td class="less whole" data-label="Started">
        <Time web={web} inRow at={first?.started} missing="not known" />
      </td>
      <td class="whole" data-label="Heartbeat" data-live="beat:">
        <Time web={web} inRow at={first?.heartbeat} missing="none yet" />
      </td>
      <td class="end less whole" data-label="Processed">
        <Count value={done?.processed ?? 0} />
      </td>
      <td class="end whole" data-label="Failed">
        <Count value={done?.failed ?? 0} />
      </td>
      <td
        class={busy.length === 0 ? 'blank' : 'whole'}
        data-label="Working on"
        data-live="doing:"
        data-live-value={doing(slots)}
      >
        {busy.length === 0 && '–'}
        {busy.slice(0, JOBS_OF_PROCESS).map(({ job }) => (
          <div>
            <Name>{job ? className(job) : ''}</Name>{' '}
            <span class="faint">
              <Time web={web} inRow at={job?.runAt} />
            </span>
          </div>
        ))}
        {busy.length > JOBS_OF_PROCESS && <span class="faint">and {busy.length - JOBS_OF_PROCESS} more</span>}
      </td>
    </tr>
  )
}
