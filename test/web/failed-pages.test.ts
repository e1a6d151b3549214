// The pages of failed jobs: what they show, what their buttons hit, and that they hit nothing else.

import { type FailureBackend, redisMultiQueueBackend } from 'resque-ts'
import { afterEach, expect, test } from 'vitest'
import { useRoom } from '../room.js'
import { waitFor } from '../support/wait-for.js'
import { failedRecord, job, range } from './records.js'
import { bearer, openSite, type Site } from './site.js'

const room = useRoom()
const admin = { headers: bearer('admin') }
const operator = { headers: bearer('operator') }

const sites: Site[] = []
afterEach(async () => {
  await Promise.all(sites.splice(0).map(({ web }) => web.close()))
})
function open(options?: Parameters<typeof openSite>[1]): Site {
  const site = openSite(room, options)
  sites.push(site)
  return site
}

const failed = (list = 'failed') => room.client.lrange(`resque:${list}`, 0, -1)
const queued = (queue = 'mail') => room.client.lrange(`resque:queue:${queue}`, 0, -1)
/** The argument of each failed job that is left. */
const left = async (list = 'failed') =>
  (await failed(list)).map((text) => (JSON.parse(text) as { payload: { args: unknown[] } }).payload.args[0])
const open3 = () => room.client.rpush('resque:failed', ...range(3).map((i) => failedRecord(i)))

function fieldsOf(html: string, name: string): string[] {
  return [...html.matchAll(new RegExp(`name="${name}"[^>]*value="([^"]*)"`, 'g'))].map(([, value]) =>
    (value ?? '').replaceAll('&amp;', '&').replaceAll('&quot;', '"'),
  )
}

/** The form of a confirm page, as it is sent. */
async function confirm(site: Site, path: string, more: Record<string, string> = {}, as = operator) {
  const html = await site.text(path, as)
  const action = /action="([^"]*)"[^>]*>(?:(?!<\/form>).)*name="confirmed"/s.exec(html)?.[1] ?? ''
  const form = Object.fromEntries(
    ['which', 'mark', 'operation', 'confirmed'].map((name) => [name, fieldsOf(html, name)[0] ?? '']),
  )
  const answer = () => site.ask(action, { method: 'POST', ...as, form: { ...form, ...more } })
  return { html, answer }
}

const post = (site: Site, path: string, form: Record<string, string> = {}, as = operator) =>
  site.ask(path, { method: 'POST', ...as, form })

const refsOf = async (site: Site, path = '/failed?view=list') =>
  fieldsOf(await site.text(path, operator), 'ref').map(decodeURIComponent)

test('groups come first, the largest on top, and each says how many it would retry and remove', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(47).map((i) => failedRecord(i, { class: 'CsvExport', error: `Timed out after ${i} s` })),
    ...range(3).map((i) => failedRecord(i, { retriedAt: '2026/11/24 03:00:00 UTC' })),
    failedRecord(9),
    'no record',
  )
  const html = await open().text('/failed', operator)
  expect(html.indexOf('CsvExport')).toBeLessThan(html.indexOf('>Mail<'))
  expect(html).toContain('Timed out after &lt;n&gt; s')
  expect(html).toMatch(/aria-label="Retry 47 CsvExport/)
  expect(html).toMatch(/aria-label="Retry 1 Mail/)
  expect(html).toMatch(/aria-label="Remove 4 Mail/)
  // How much of it all each is.
  expect(html).toMatch(/90 %<.*8 %<.*2 %</s)
  // What cannot be retried is not promised.
  expect(html).toContain('Retry 48 failed jobs')
  expect(html).toContain('Clear 52 failed jobs')
})

test('groups go on over pages, each of them once, the largest first', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(70).flatMap((i) => range(70 - i).map((n) => failedRecord(n, { class: `Class${i}` }))),
  )
  const site = open()
  await waitFor(async () => !(await site.text('/failed', operator)).includes('Grouping …'))
  const names = async (start: number) =>
    [...(await site.text(`/failed?view=groups&start=${start}`, operator)).matchAll(/>(Class\d+)</g)].map(
      ([, name]) => name,
    )
  const all = [...(await names(0)), ...(await names(30)), ...(await names(60))]
  expect([...new Set(all)]).toEqual(range(70).map((i) => `Class${i}`))
  const first = await site.text('/failed', operator)
  expect(first).toContain('1–30 of 70 groups')
  expect(first).toMatch(/href="[^"]*\/failed\?view=groups&amp;start=30"/)
  expect(await site.text('/failed?view=groups&start=90', operator)).toContain('Nothing is here any more')
})

test('the list is newest first, fifty a page, and reads the classic start, order and class', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(120).map((i) => failedRecord(i, { class: i % 2 ? 'Odd' : 'Even' })),
  )
  const site = open()
  const numbers = async (path: string) =>
    [...(await site.text(path, operator)).matchAll(/class="args">\[(\d+)\]/g)].map(([, n]) => Number(n))
  expect(await numbers('/failed?view=list')).toEqual(range(50).map((i) => 119 - i))
  expect(await numbers('/failed?start=100')).toEqual(range(20).map((i) => 19 - i))
  // As people count: the field of the pager says which row comes first.
  expect(await numbers('/failed?no=101')).toEqual(range(20).map((i) => 19 - i))
  expect(await site.text('/failed?start=100', operator)).toMatch(/name="no"[^>]*value="101"/)
  expect(await numbers('/failed?start=0&order=asc')).toEqual(range(50))
  expect(await numbers('/failed?start=100&order=asc')).toEqual(range(20, 100))
  expect(await numbers('/failed?class=Odd')).toEqual(range(50).map((i) => 119 - 2 * i))
  expect(await numbers('/failed?class=Odd&order=asc&start=50')).toEqual(range(10).map((i) => 101 + 2 * i))
  const html = await site.text('/failed?class=Odd', operator)
  expect(html).toContain('Retry 60 Odd jobs')
  expect(html).toContain('Remove 60 Odd jobs')
  expect(html).not.toContain('failed jobs</a>\n')
  for (const bad of ['start=-1', 'from=yesterday', 'state=maybe', 'group=x', 'class=a&class=b', 'cursor=x'])
    expect((await site.ask(`/failed?${bad}`, operator)).status, bad).toBe(400)
})

test('a filter is acted on alone, with the number that was shown', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(6).map((i) => failedRecord(i, { class: i % 2 ? 'Odd' : 'Even' })),
  )
  const site = open()
  const { html, answer } = await confirm(site, '/failed/retry?class=Odd')
  expect(html).toContain('Retry 3 Odd jobs?')
  expect((await answer()).status).toBe(303)
  expect(await queued()).toEqual([job(1, 'Odd'), job(3, 'Odd'), job(5, 'Odd')].toReversed())
  // Sent twice, it is one operation.
  await answer()
  expect(await queued()).toHaveLength(3)
  expect(await site.text('/failed/retry?class=Odd', operator)).toContain('Nothing is left to retry')

  const removal = await confirm(site, '/failed/remove?class=Even&state=open')
  expect(removal.html).toContain('Remove 3 Even jobs?')
  await removal.answer()
  expect(await left()).toEqual([1, 3, 5])
  // Each is told apart by what it was meant for.
  const operations = await site.text('/operations', operator)
  for (const [name, value] of [
    ['class', 'Odd'],
    ['class', 'Even'],
    ['state', 'not retried yet'],
  ])
    expect(operations).toMatch(new RegExp(`${name} <bdi[^>]*>${value}<`))
})

test('what was retried before is skipped unless the tick is taken away', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(5).map((i) => failedRecord(i, i < 2 ? { retriedAt: '2026/11/24 03:00:00 UTC' } : {})),
  )
  const site = open()
  const ticked = await confirm(site, '/failed/retry')
  expect(ticked.html).toContain('Retry 3 failed jobs?')
  expect(ticked.html).toMatch(/type="checkbox" name="skip" value="yes" checked/)
  expect(ticked.html).toContain('Skip 2 already retried; else 5 are retried')
  const form = Object.fromEntries(
    ['which', 'mark', 'confirmed'].map((name) => [name, fieldsOf(ticked.html, name)[0] ?? '']),
  )
  const send = (skip: string) =>
    site.ask('/failed/retry', { method: 'POST', ...operator, body: `${new URLSearchParams(form)}${skip}` })
  // As a browser sends the box: what is hidden before it, and its value where it is ticked.
  await send('&skip=no&skip=yes')
  expect(await queued()).toHaveLength(3)
  // A form without it skips.
  await send('')
  expect(await queued()).toHaveLength(3)
  // The two; those that were retried since the question are others than it was about.
  await send('&skip=no')
  expect(await queued()).toHaveLength(5)
})

test('where that is set, what is retried leaves the list: one, selected, all that match, and by the API', async () => {
  await room.client.rpush('resque:failed', ...range(8).map((i) => failedRecord(i)))
  const site = open({ retry: 'remove' })
  const refs = await refsOf(site)
  await post(site, `/failed/job/${encodeURIComponent(refs[0] as string)}/retry`)
  expect(await left()).toEqual(range(7))
  await post(site, '/failed/job/0.0000000000000000@failed/retry')
  const selected = refs.slice(1, 3).map((ref) => `ref=${encodeURIComponent(ref)}`)
  await site.ask('/failed/selected', {
    method: 'POST',
    ...operator,
    body: `action=retry&${selected.join('&')}`,
  })
  expect(await left()).toEqual(range(5))
  const { html, answer } = await confirm(site, '/failed/retry?class=Mail')
  expect(html).toContain('What is retried leaves this list')
  await room.client.rpush('resque:failed', failedRecord(8), failedRecord(9))
  await answer()
  await answer()
  expect(await left()).toEqual([8, 9])
  const call = (ref: string, body: object) =>
    site.ask(`/api/v1/failed/jobs/${encodeURIComponent(ref)}/retry`, {
      ...{ method: 'POST', body: JSON.stringify(body) },
      headers: { ...operator.headers, 'content-type': 'application/json' },
    })
  const [last = '', first = ''] = await refsOf(site)
  await call(first, {})
  expect(await left()).toEqual([9])
  await call(last, { drop: false })
  expect(await left()).toEqual([9])
  // As Ruby puts a job back: its payload, at the end of its queue, and the queue is listed.
  expect(await queued()).toEqual([7, 6, 5, 4, 3, 2, 1, 0, 8, 9].map((i) => job(i)))
  expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  expect(() => open({ retry: 'forget' as 'mark' })).toThrow('Expected `retry` to be mark or remove')
})

test('a question about what a text is in, or what waits, says how many, and shows five of them', async () => {
  await room.client.rpush('resque:failed', ...range(7).map((i) => failedRecord(i, { error: `needle ${i}` })))
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', ...range(7).map((i) => job(i, 'Mail')))
  const site = open()
  const sample = (html: string) =>
    (/<ul class="sample">(.*?)<\/ul>/s.exec(html)?.[1] ?? '').split('<li>').length - 1
  for (const act of ['Retry', 'Remove']) {
    const html = await site.text(`/failed/${act.toLowerCase()}?text=needle`, operator)
    expect(html).toContain(`${act} 7 failed jobs?`)
    expect(html).toContain('5 of them, the newest:')
    expect(sample(html)).toBe(5)
  }
  const html = await site.text('/queues/mail/remove-matching?text=Mail', operator)
  expect(html).toContain('Remove 7 jobs?')
  expect(html).toContain('5 of them, the next to run:')
  expect(html).toMatch(/class="args">\[4\]/)
  expect(sample(html)).toBe(5)
  const few = await site.text('/queues/mail/remove-matching?text=[6]', operator)
  expect(few).toContain('All of them:')
})

test('what fails after the question was asked is not touched by the answer', async () => {
  await open3()
  const site = open()
  const removing = await confirm(site, '/failed/remove?class=Mail')
  const clearing = await confirm(site, '/failed/clear')
  await room.client.rpush('resque:failed', failedRecord(99))
  await removing.answer()
  expect(await left()).toEqual([99])
  await clearing.answer()
  expect(await left()).toEqual([99])
  await open3()
  const retrying = await confirm(site, '/failed/requeue/all')
  await room.client.rpush('resque:failed', failedRecord(100))
  await retrying.answer()
  expect(await queued()).toEqual([2, 1, 0, 99].map((i) => job(i)))
})

test('jobs that were retried since the question was asked are not removed by the answer', async () => {
  await open3()
  const site = open()
  const { answer } = await confirm(site, '/failed/remove?class=Mail')
  await (await confirm(site, '/failed/requeue/all')).answer()
  await room.client.rpush('resque:failed', failedRecord(99))
  await answer()
  expect(await failed()).toHaveLength(4)
  const [operation] = await room.resque.store.operations.recent()
  expect(operation).toMatchObject({ done: 0 })
})

test('a form that does not say which jobs are meant does nothing, and a filter that cannot be read neither', async () => {
  await open3()
  const site = open()
  for (const form of [{}, { which: '' }, { which: 'state=maybe' }, { which: 'from=x' }, { which: 'group=1' }])
    for (const act of ['retry', 'remove'])
      expect((await post(site, `/failed/${act}`, { confirmed: 'yes', ...form })).status).toBe(400)
  const forged = { confirmed: 'yes', which: 'everything', mark: '{"failed":{"end":-1,"anchors":[]}}' }
  expect((await post(site, '/failed/remove', forged)).status).toBe(400)
  expect(await failed()).toHaveLength(3)
  expect(await queued()).toEqual([])
})

test('selected jobs are retried or removed, and no others; what is removed comes back by an undo', async () => {
  await room.client.rpush('resque:failed', ...range(5).map((i) => failedRecord(i)))
  const before = await failed()
  const site = open()
  const refs = await refsOf(site)
  const send = (action: string, picked: string[]) =>
    site.ask('/failed/selected', {
      method: 'POST',
      headers: { ...bearer('operator'), 'content-type': 'application/json' },
      form: {},
      body: JSON.stringify({ action, ref: picked.map(encodeURIComponent), back: '/failed?view=list' }),
    })
  const answer = await send('remove', [refs[0], refs[2], refs[4]] as string[])
  expect(answer.headers.get('location')).toBe('/failed?view=list')
  expect(await left()).toEqual([1, 3])
  const [operation] = await room.resque.store.operations.recent()
  await post(site, `/operations/${operation?.id}/undo`)
  expect(await failed()).toEqual(before)
  await send('retry', [refs[1]] as string[])
  expect(await queued()).toEqual([job(3)])
  expect((await send('retry', [])).status).toBe(303)
  expect((await send('retry', ['0.0000000000000000@workers'])).status).toBe(404)
  expect((await send('burn', refs)).status).toBe(400)
})

test('two operators at once: the second hits nothing else', async () => {
  await room.client.rpush('resque:failed', ...range(5).map((i) => failedRecord(i)))
  const site = open()
  const refs = await refsOf(site)
  const at = (i: number) => `/failed/job/${encodeURIComponent(refs[i] as string)}`
  // Both have the same page open. One removes the newest two, and retries one.
  await post(site, `${at(0)}/remove`)
  await post(site, `${at(1)}/remove`)
  await post(site, `${at(2)}/retry`)
  expect(await queued()).toEqual([job(2)])
  // The other acts on what is no longer there, or not as it was.
  for (const i of [0, 1, 2])
    for (const act of ['remove', 'retry']) expect((await post(site, `${at(i)}/${act}`)).status).toBe(404)
  await post(site, `${at(4)}/remove`)
  expect(await left()).toEqual([1, 2])
  expect(await queued()).toEqual([job(2)])
})

test("Ruby's addresses ask about what stands there now, and the answer is about that job", async () => {
  await open3()
  const site = open()
  for (const [path, act] of [
    ['/failed/remove/1', 'remove'],
    ['/failed/failed/requeue/1', 'retry'],
  ] as const) {
    for (const method of ['GET', 'POST']) {
      const answer = await site.ask(path, { method, ...operator })
      expect(answer.status).toBe(200)
      expect(await answer.text()).toContain(`/${act}"`)
    }
    expect((await site.ask(path, { method: 'HEAD', ...operator })).status).toBe(405)
  }
  expect(await failed()).toHaveLength(3)
  const html = await site.text('/failed/remove/1', operator)
  const action = /action="(\/failed\/job\/[^"]*\/remove)"/.exec(html)?.[1] as string
  await room.client.lpop('resque:failed')
  await post(site, action)
  expect(await left()).toEqual([2])
  expect((await site.ask('/failed/remove/7', operator)).status).toBe(404)
  expect((await site.ask('/failed/remove/x', operator)).status).toBe(400)
  for (const name of ['workers', 'queues', 'queue:mail', 'mail_failed']) {
    const list = encodeURIComponent(name)
    expect((await site.ask(`/failed/${list}`, operator)).status, name).toBe(404)
    expect((await post(site, `/failed/${list}/clear`, { confirmed: 'yes' }, admin)).status, name).toBe(404)
    expect((await site.ask(`/failed/${list}/remove/0`, operator)).status, name).toBe(404)
  }
})

test('clearing more than a thousand needs the name typed, goes in one step, and can be undone', async () => {
  await room.client.rpush('resque:failed', ...range(1_001).map((i) => failedRecord(i)))
  const site = open()
  const { html, answer } = await confirm(site, '/failed/clear', { typed: 'failde' })
  expect(html).toContain('Clear 1,001 failed jobs?')
  expect((await answer()).status).toBe(422)
  expect(await failed()).toHaveLength(1_001)
  await (await confirm(site, '/failed/clear', { typed: 'failed' })).answer()
  expect(await failed()).toHaveLength(0)
  const [operation] = await room.resque.store.operations.recent()
  await post(site, `/operations/${operation?.id}/undo`)
  expect(await left()).toEqual(range(1_001))
})

test('those that were retried are cleared alone', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(4).map((i) => failedRecord(i, i % 2 ? { retriedAt: '2026/11/24 03:00:00 UTC' } : {})),
  )
  const site = open()
  const { html, answer } = await confirm(site, '/failed/clear_retried')
  expect(html).toContain('2 failed jobs')
  await answer()
  expect(await left()).toEqual([0, 2])
})

const lists: FailureBackend = redisMultiQueueBackend

test('a list for each queue: a page of its own, filters and actions that keep to it', async () => {
  await room.client.sadd('resque:failed_queues', 'mail_failed', 'a/b_failed')
  await room.client.rpush('resque:mail_failed', ...range(3).map((i) => failedRecord(i)))
  await room.client.rpush('resque:a/b_failed', failedRecord(7, { queue: 'a/b' }))
  const site = open({ resque: room.connect({ failureBackend: lists }) })
  expect(await site.text('/failed', operator)).toContain('Clear 4 failed jobs')
  expect(await site.text('/failed/a%2Fb_failed?view=list', operator)).toContain('Clear 1 failed job')
  await (await confirm(site, '/failed/mail_failed/requeue/all')).answer()
  expect(await queued()).toHaveLength(3)
  expect(await queued('a/b')).toEqual([])
  await (await confirm(site, '/failed/mail_failed/clear')).answer()
  expect([await failed('mail_failed'), await failed('a/b_failed')].map(({ length }) => length)).toEqual([
    0, 1,
  ])
})

test('lists are chosen among with how many each keeps, and a group names the queues it is in', async () => {
  await room.client.rpush('resque:mail_failed', ...range(3).map((i) => failedRecord(i)))
  await room.client.rpush(
    'resque:low_failed',
    ...['low', 'x<b>', 'y'].flatMap((queue) => [failedRecord(1, { queue }), failedRecord(2, { queue })]),
  )
  await room.client.sadd('resque:failed_queues', 'mail_failed', 'low_failed')
  const site = open({ resque: room.connect({ failureBackend: lists }) })
  const groups = await site.text('/failed', admin)
  const options = [...groups.matchAll(/<option value="(\w*_failed|)"[^>]*>([^<]*)</g)].map(
    ([, , text]) => text,
  )
  expect(options).toEqual(expect.arrayContaining(['All lists (9)', 'low_failed (6)', 'mail_failed (3)']))
  expect(groups).toContain('<span title="low, x&lt;b&gt;, y">+3 more</span>')
  expect(await site.text('/failed/mail_failed', admin)).not.toContain('more</span>')
  expect(await open().text('/failed', admin)).not.toContain('All lists')
})

test('one failed job: its page, retry into another queue, and retry again only when that is said', async () => {
  await room.client.rpush('resque:failed', failedRecord(1, { error: 'token=abc123' }))
  const site = open()
  const [ref = ''] = await refsOf(site)
  const at = `/failed/job/${encodeURIComponent(ref)}`
  const html = await site.text(at, operator)
  expect(html).toContain('RuntimeError')
  expect(html).not.toContain('abc123')
  expect(await site.text(`${at}/reveal`, { method: 'POST', ...operator })).toContain('abc123')
  await post(site, `${at}/retry`, { queue: 'slow' })
  expect(await queued('slow')).toEqual([job(1)])
  const [again = ''] = await refsOf(site)
  const there = `/failed/job/${encodeURIComponent(again)}`
  await post(site, `${there}/retry`)
  expect(await queued()).toEqual([])
  await post(site, `${there}/retry`, { again: 'yes' })
  expect(await queued()).toEqual([job(1)])
})

test('arguments are edited as text: what is wrong is said by line, and numbers stay what they were', async () => {
  const text = failedRecord(1).replace('"args":[1]', '"args":[18446744073709551616,1.0,{"a":"\u202Ex"}]')
  await room.client.rpush('resque:failed', text)
  const site = open()
  const [ref = ''] = await refsOf(site)
  const at = `/failed/job/${encodeURIComponent(ref)}/edit`
  expect(await site.text(at, operator)).toContain(
    '18446744073709551616,\n  1.0,\n  {\n    &quot;a&quot;: &quot;\\u202ex',
  )
  const bad = await post(site, at, { step: 'compare', args: '[1,\n  oops]' })
  expect(bad.status).toBe(422)
  expect(await bad.text()).toContain('Line 2, column 3')
  expect(await (await post(site, at, { step: 'send', args: '{"a":1}' })).text()).toContain(
    'Arguments are a list',
  )
  expect(await queued()).toEqual([])
  const edited = '[18446744073709551616,\r\n  1.0,\r\n  "new"]'
  const diff = await (await post(site, at, { step: 'compare', args: edited })).text()
  expect(diff).toContain('<ins>+   &quot;new&quot;</ins>')
  // An operator chooses arguments alone.
  const fields = { step: 'send', args: edited, class: 'Other', queue: 'other' }
  await post(site, at, fields)
  expect(await queued()).toEqual(['{"class":"Mail","args":[18446744073709551616,1.0,"new"]}'])
  expect((await failed())[0]).toContain('retried_at')
  const [next = ''] = await refsOf(site)
  await post(site, `/failed/job/${encodeURIComponent(next)}/edit`, { ...fields, again: 'yes' }, admin)
  expect(await queued('other')).toEqual(['{"class":"Other","args":[18446744073709551616,1.0,"new"]}'])
  const [line] = await room.resque.store.audit.page()
  expect(line).toMatchObject({ action: 'edit and retry', result: 'done' })
  expect(line?.target).toMatch(/^Mail .* as Other into other$/)
})

test('hidden values are shown to who edits them by a POST that leaves a trace', async () => {
  await room.client.rpush('resque:failed', failedRecord(1).replace('[1]', '[{"password":"hunter2"}]'))
  const site = open()
  const [ref = ''] = await refsOf(site)
  const at = `/failed/job/${encodeURIComponent(ref)}/edit`
  expect(await site.text(at, operator)).not.toContain('hunter2')
  expect(await site.text(at, { method: 'POST', ...operator })).toContain('hunter2')
  const traces = async () =>
    (await room.resque.store.audit.page()).filter(
      ({ action, user }) => action === 'reveal arguments' && user === 'operator-token',
    ).length
  expect(await traces()).toBe(1)
  // Nor can they be compared with others unseen.
  expect(await (await post(site, at, { step: 'compare', args: '[]' })).text()).toContain('hunter2')
  expect(await traces()).toBe(2)
})

test('broken entries stand there as text, and can be removed', async () => {
  await room.client.rpush(
    'resque:failed',
    'no <b>json</b>',
    '',
    'null',
    '[1]',
    '{"payload":5}',
    failedRecord(1),
  )
  const site = open()
  const refs = await refsOf(site)
  const html = await site.text('/failed?view=list', operator)
  expect(html).toContain('no &lt;b&gt;json&lt;/b&gt;')
  for (const ref of refs) {
    const at = `/failed/job/${encodeURIComponent(ref)}`
    expect((await site.ask(at, operator)).status).toBe(200)
    if (!ref.startsWith('5.')) expect([400, 409]).toContain((await post(site, `${at}/retry`)).status)
  }
  await (await confirm(site, '/failed/retry')).answer()
  expect(await queued()).toEqual([job(1)])
  for (const ref of refs.slice(1)) await post(site, `/failed/job/${encodeURIComponent(ref)}/remove`)
  expect(await left()).toEqual([1])
})

test('a text is searched for a stretch at a time, and says how far it came', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(12_000).map((i) => failedRecord(i, { error: i === 5 ? 'needle' : 'hay' })),
  )
  const site = open()
  let path = '/failed?text=needle'
  let html = await site.text(path, operator)
  expect(html).toMatch(/searched [\d,]+ of 12,000/)
  for (let i = 0; i < 50 && !html.includes('1 job here'); i++) {
    path = (/href="(\/[^"]*cursor=[^"]*)"/.exec(html)?.[1] ?? '').replaceAll('&amp;', '&')
    html = await site.text(path, operator)
  }
  expect(html).toContain('1 job here, searched 12,000 of 12,000')
  const { html: asked, answer } = await confirm(site, '/failed/remove?text=needle')
  expect(asked).toContain('Remove 1 failed job?')
  await answer()
  await waitFor(async () => (await room.client.llen('resque:failed')) === 11_999)
  // The text may have been an argument.
  const [entry] = await room.resque.store.audit.page()
  expect(JSON.stringify(entry)).not.toContain('needle')
})

test('an operation is watched, and cancelled', async () => {
  await room.client.rpush('resque:failed', ...range(3_000).map((i) => failedRecord(i)))
  const site = open()
  const answer = await (await confirm(site, '/failed/remove?class=Mail')).answer()
  const at = answer.headers.get('location') as string
  expect(at).toMatch(/^\/operations\//)
  const html = await site.text(at, operator)
  expect(html).toContain('<meta http-equiv="refresh" content="2"')
  expect((await post(site, `${at}/cancel`)).status).toBe(303)
  const after = await site.text(at, operator)
  expect(after).toContain('cancelled')
  const { length } = await failed()
  expect(length).toBeGreaterThan(0)
  // What was said to have begun is said to have ended, with how many.
  const { audit } = room.resque.store
  const ends = async () => (await audit.page()).filter(({ result }) => result === 'cancelled')
  await waitFor(async () => (await ends()).length === 1)
  expect((await ends())[0]).toMatchObject({
    ...{ user: 'operator-token', action: 'remove failed', target: 'failed', count: 3_000 - length },
    operation: at.split('/').at(-1),
  })
  await post(site, `${at}/undo`)
  expect(await left()).toEqual(range(3_000))
  expect((await site.ask('/operations/none', operator)).status).toBe(404)
})

test('who sees some queues sees, counts and hits their failures alone', async () => {
  await room.client.rpush(
    'resque:failed',
    ...range(6).map((i) =>
      failedRecord(i, { queue: i % 2 ? 'mail' : 'secret', class: i % 2 ? 'Mail' : 'Secret' }),
    ),
    'broken',
  )
  const site = open({ sees: ({ role }, queue) => role === 'admin' || queue !== 'secret' })
  for (const path of [
    '/failed',
    '/failed?view=list',
    '/failed?order=asc',
    '/failed?text=payload',
    '/overview',
  ]) {
    const html = await site.text(path, operator)
    expect(html, path).not.toMatch(/secret/i)
  }
  const refs = await refsOf(site)
  expect(refs).toHaveLength(3)
  const all = fieldsOf(await site.text('/failed?view=list', admin), 'ref').map(decodeURIComponent)
  const hidden = all.find((ref) => !refs.includes(ref)) as string
  expect((await post(site, `/failed/job/${encodeURIComponent(hidden)}/retry`)).status).toBe(404)
  expect(
    (await post(site, '/failed/selected', { ref: encodeURIComponent(hidden), action: 'remove' })).status,
  ).toBe(404)
  expect(
    (await post(site, `/failed/job/${encodeURIComponent(refs[0] as string)}/retry`, { queue: 'secret' }))
      .status,
  ).toBe(404)
  await (await confirm(site, '/failed/clear')).answer()
  await waitFor(async () => (await failed()).length === 4)
  // Narrowed by a forged field, it is still his own.
  const forged = { which: 'queues=%5B%22secret%22%5D', confirmed: 'yes' }
  await post(site, '/failed/remove', forged)
  expect(await failed()).toHaveLength(4)
  expect(await site.text('/audit', operator)).not.toMatch(/secret/i)
})

test('waiting jobs: a filter, selected ones removed, all that match removed, and undone', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', ...range(9).map((i) => job(i, i % 3 ? 'Mail' : 'Digest')))
  const before = await queued()
  const site = open()
  expect(await site.text('/queues/mail?class=Digest', operator)).toContain('Remove 3 Digest jobs')
  const refs = fieldsOf(await site.text('/queues/mail', operator), 'ref')
  await post(site, '/queues/mail/selected', { ref: refs[4] as string })
  expect(await queued()).toEqual(before.filter((text) => text !== job(4)))
  const undo = async () => {
    const [operation] = await room.resque.store.operations.recent()
    await post(site, `/operations/${operation?.id}/undo`)
  }
  await undo()
  expect(await queued()).toEqual(before)
  const { html, answer } = await confirm(site, '/queues/mail/remove-matching?class=Digest')
  expect(html).toContain('Remove 3 Digest jobs?')
  await room.client.rpush('resque:queue:mail', job(99, 'Digest'))
  await answer()
  expect(await queued()).toEqual([...before.filter((text) => text.includes('"Mail"')), job(99, 'Digest')])
  for (const which of ['', 'class=', 'everything'])
    expect((await post(site, '/queues/mail/remove-matching', { which, confirmed: 'yes' })).status).toBe(400)
})

test('clearing a queue, removing it, and removing one job can be undone', async () => {
  await room.client.sadd('resque:queues', 'mail')
  await room.client.rpush('resque:queue:mail', job(1), job(2))
  const site = open()
  const undo = async () => {
    const [operation] = await room.resque.store.operations.recent()
    await post(site, `/operations/${operation?.id}/undo`)
  }
  for (const act of ['clear', 'remove']) {
    await post(site, `/queues/mail/${act}`, { confirmed: 'yes' }, admin)
    expect(await queued()).toEqual([])
    await undo()
    expect(await queued()).toEqual([job(1), job(2)])
    expect(await room.client.smembers('resque:queues')).toEqual(['mail'])
  }
  const path = /href="(\/queues\/mail\/job\/[^"]+)"/.exec(await site.text('/queues/mail', operator))?.[1]
  await post(site, `${path}/remove`)
  expect(await queued()).toEqual([job(2)])
  await undo()
  expect(await queued()).toEqual([job(1), job(2)])
})

test('the audit has every action and every refusal, for operators, newest first', async () => {
  await open3()
  const site = open()
  expect((await site.ask('/audit', { headers: bearer('viewer') })).status).toBe(403)
  await post(site, '/failed/clear', { confirmed: 'yes' }, { headers: bearer('viewer') })
  await site.ask('/failed/clear', { method: 'POST' })
  await (await confirm(site, '/failed/requeue/all')).answer()
  const lines = await room.resque.store.audit.page()
  expect(lines.map(({ user, action, result, count }) => [user, action, result, count])).toEqual([
    ['operator-token', 'retry failed', 'done', 3],
    ['', 'POST /failed/clear', 'refused: Not allowed', undefined],
    ['viewer-token', 'POST /failed/clear', 'refused: Not allowed', undefined],
    // A page that he may not see.
    ['viewer-token', 'GET /audit', 'refused: Not allowed', undefined],
  ])
  expect(lines[0]).toMatchObject({ ip: '127.0.0.1', role: 'operator', requestId: expect.any(String) })
  const html = await site.text('/audit', operator)
  expect(html.indexOf('retry failed')).toBeLessThan(html.indexOf('POST /failed/clear'))
})

test('who is refused again and again does not push out what was done', async () => {
  const site = open()
  for (let i = 0; i < 200; i++) await site.ask('/failed/clear', { method: 'POST' })
  expect(await room.resque.store.audit.count()).toBeLessThan(30)
  // Not in a day either.
  let now = Date.now()
  const slow = open({ now: () => new Date(now) })
  const ask = async (times: number) => {
    for (let i = 0; i < times; i++, now += 10_000) await slow.ask('/audit', { headers: bearer('viewer') })
    return room.resque.store.audit.count()
  }
  const first = await ask(360)
  expect((await ask(360)) - first).toBeLessThanOrEqual(25)
})

test('what another web process left unfinished goes on', async () => {
  await room.client.rpush('resque:failed', ...range(30).map((i) => failedRecord(i)))
  const { operations } = room.resque.store
  const id = '3f0e4f0e-0000-4000-8000-000000000001'
  const spec = JSON.stringify({ kind: 'remove', source: 'failed', lists: ['failed'], filter: 'class=Mail' })
  const { digests, length } = await room.resque.store.entries.digests(
    { kind: 'failed', name: 'failed' },
    -20,
    20,
  )
  const scan = JSON.stringify({ lists: [{ end: length, anchors: digests.reverse() }] })
  await operations.create(id, { spec, scan, by: 'dead', owner: 'a process that is gone', leaseMs: 1 })
  open()
  await waitFor(async () => (await failed()).length === 0)
})

test('one hundred thousand failures: pages are small, and cost Redis little', async () => {
  for (let i = 0; i < 100; i++)
    await room.client.rpush(
      'resque:failed',
      ...range(1_000).map((n) =>
        failedRecord(i * 1_000 + n, { class: `Class${n % 40}`, error: 'x'.repeat(300) }),
      ),
    )
  const site = open({ cacheMs: 60_000 })
  await waitFor(async () => !(await site.text('/failed', operator)).includes('Grouping …'), {
    timeoutMs: 20_000,
  })
  for (const path of [
    '/failed',
    '/failed?view=list&start=50000',
    '/failed?class=Class7',
    '/failed/retry?class=Class7',
  ]) {
    await site.text(path, operator)
    await room.client.config('RESETSTAT')
    const startedAt = performance.now()
    const html = await site.text(path, operator)
    const tookMs = performance.now() - startedAt
    const info = await room.client.info('stats')
    const read = Number(/total_net_output_bytes:(\d+)/.exec(info)?.[1])
    expect(html.length, path).toBeLessThan(100_000)
    expect(html.match(/<[a-z]/g)?.length, path).toBeLessThan(2_500)
    expect(read, path).toBeLessThan(512_000)
    expect(tookMs, path).toBeLessThan(1_500)
  }
})
