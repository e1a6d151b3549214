// History on the pages: which points are gaps, what a chart is to who sees it and who does not, the page, Prometheus.

import { readFileSync } from 'node:fs'
import { Resque } from 'resque-ts'
import { afterEach, expect, test, vi } from 'vitest'
import { BUCKET_COUNT, bucketOf } from '#built/store/histogram.js'
import { type ReportEntry, seriesOf } from '#built/store/history.js'
import { markerLimits } from '#built/store/markers.js'
import { History, type Plot, type Range, ranges } from '#built/web/history.js'
import { createWeb, type Web, type WebOptions } from '#built/web/index.js'
import { prometheusText } from '#built/web/prometheus.js'
import { Chart, niceTop, pathOf, Sparkline } from '#built/web/views/chart.js'
import { useRoom } from '../room.js'

const room = useRoom()
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const MINUTE = 60_000
/** The pages' now: a minute's first second, so that the last full minute is the one before. */
const now = new Date('2026-05-05T12:00:01Z')
const before = (minutes: number, seconds = 0) => new Date(now.getTime() - minutes * MINUTE + seconds * 1_000)

const history = () => new History({ store: room.resque.store, now: () => now, log: silent })
const stats = (processed: number, failed: number) =>
  room.client.mset('resque:stat:processed', processed, 'resque:stat:failed', failed)
const sample = (at: Date) => room.resque.store.history.sample('test', 25_000, at)
let reports = 0
const report = (at: Date, ...entries: ReportEntry[]) =>
  room.resque.store.history.report('test', ++reports, entries, at)
const fill = async (queue: string, count: number) => {
  await room.client.sadd('resque:queues', queue)
  if (count > 0)
    await room.client.rpush(`resque:queue:${queue}`, ...Array.from({ length: count }, (_, i) => i))
}
const lineOf = (plot: Plot, name: string) => plot.lines.find((line) => line.name === name)?.values

const webs: Web[] = []
afterEach(async () => {
  await Promise.all(webs.splice(0).map((web) => web.close()))
})
async function get(path: string, options: Partial<WebOptions> = {}) {
  const web = createWeb({
    resque: room.resque,
    auth: 'none',
    history: false,
    cacheMs: 0,
    now: () => now,
    ...options,
  })
  webs.push(web)
  const peer = { address: '127.0.0.1', localAddress: '127.0.0.1' }
  const response = await web.fetch(new Request(`http://localhost${path}`), peer)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

test('a minute that nobody looked at is a gap, and one without jobs is zero', async () => {
  await stats(100, 10)
  await sample(before(5))
  await stats(112, 13)
  await sample(before(4))
  await sample(before(3))
  const { throughput, failureRate, depth } = await history().view('1h')
  expect(lineOf(throughput, 'done')?.slice(-6)).toEqual([null, null, 9, 0, null, null])
  expect(lineOf(throughput, 'failed')?.slice(-6)).toEqual([null, null, 3, 0, null, null])
  expect(lineOf(failureRate, 'failed')?.slice(-6)).toEqual([null, null, 25, null, null, null])
  expect(lineOf(depth, 'all queues')?.slice(-6)).toEqual([null, 0, 0, 0, null, null])
  expect(throughput.fromMs + 60 * throughput.stepMs).toBe(Date.parse('2026-05-05T12:00:00Z'))
})

test('a counter that was set back is a gap in its minute alone', async () => {
  await stats(100, 0)
  await sample(before(4))
  await stats(5, 0)
  await sample(before(3))
  await stats(9, 0)
  await sample(before(3, 10))
  await stats(12, 0)
  await sample(before(2))
  const { throughput } = await history().view('1h')
  expect(lineOf(throughput, 'done')?.slice(-4)).toEqual([null, null, 3, null])
})

test('the eight deepest queues are drawn by name, and the rest as other', async () => {
  for (let i = 1; i <= 10; i++) await fill(`q${i}`, i)
  await sample(before(2))
  const { depth } = await history().view('1h')
  expect(depth.lines.map(({ name }) => name)).toEqual([
    ...['q10', 'q9', 'q8', 'q7', 'q6', 'q5', 'q4', 'q3'],
    'other',
  ])
  expect(lineOf(depth, 'q10')?.at(-2)).toBe(10)
  expect(lineOf(depth, 'other')?.at(-2)).toBe(3)
})

test('a queue that the user may not know of is not named, here or in the text for Prometheus', async () => {
  await fill('secret', 3)
  await fill('open', 1)
  await sample(before(2))
  const { depth } = await history().view('1h', {
    seesAll: false,
    sees: (queue) => queue !== 'secret',
  })
  expect(depth.lines.map(({ name }) => name)).toEqual(['open', 'other'])
  const auth = { custom: async () => ({ user: 'ann', role: 'viewer' as const, queues: ['open'] }) }
  for (const path of ['/metrics?range=1h', '/metrics.prom']) {
    const { text } = await get(path, { auth })
    expect([path, text.includes('open'), text.includes('secret')]).toEqual([path, true, false])
  }
})

test('every range reads within the budget, in two pipelines, and has points at its scale', async () => {
  await fill('q', 2)
  for (let i = 0; i < 10; i++) await fill(`x${i}`, 1)
  await sample(before(62))
  await sample(before(62, 20))
  // As many classes as are listed, and more, over the longest that is read of them.
  for (const minutes of [62, 62 + 300, 62 + 9 * 60])
    await report(
      before(minutes),
      ...Array.from({ length: 12 }, (_, i) => ({
        ...{ scope: 'class' as const, name: `Job${i}`, done: 4, failed: 0 },
        ...{ run: counts(30, 4), wait: counts(3_000, 4) },
      })),
    )
  for (const range of Object.keys(ranges) as Range[]) {
    await history().view(range)
    await room.client.config('RESETSTAT')
    const pipelines = vi.spyOn(room.resque.store.connection, 'sendAllForBytes')
    const view = await history().view(range)
    const info = await room.client.info('stats')
    const bytes = Number(/total_net_output_bytes:(\d+)/.exec(info)?.[1])
    expect([range, bytes < 512 * 1024, pipelines.mock.calls.length]).toEqual([range, true, 2])
    pipelines.mockRestore()
    for (const plot of [view.throughput, view.depth, view.run]) {
      const values = plot.lines[0]?.values ?? []
      expect(values.length).toBeLessThanOrEqual(144)
    }
    // The hour is full at noon; its day is not.
    const isKnown = ['6h', '24h', '3d', '90d'].includes(range)
    expect([range, view.depth.lines[0]?.values.some((each) => each !== null)]).toEqual([range, isKnown])
    expect([range, view.run.lines[0]?.values.some((each) => each !== null)]).toEqual([range, isKnown])
  }
})

test('run and wait times are percentiles, of all and by class', async () => {
  await report(
    before(3),
    { scope: 'class', name: 'Slow', done: 90, failed: 10, run: counts(40_000, 100) },
    { scope: 'class', name: 'Fast', done: 300, failed: 0, run: counts(3, 300), wait: counts(700, 300) },
  )
  const { run, wait, classes } = await history().view('1h')
  const at = (plot: Plot, name: string) => lineOf(plot, name)?.find((each) => each !== null)
  expect(at(run, 'p50')).toBeLessThanOrEqual(5)
  expect(at(run, 'p95')).toBeGreaterThanOrEqual(20_000)
  expect(at(wait, 'p95')).toBeGreaterThanOrEqual(500)
  expect(classes.map(({ name, done, failed }) => [name, done, failed])).toEqual([
    ['Fast', 300, 0],
    ['Slow', 90, 10],
  ])
  expect(classes[1]?.p99).toBeGreaterThan(20_000)
  expect(classes[0]?.waitP50).toBeGreaterThanOrEqual(300)
  expect([classes[1]?.waitP50, classes[1]?.waitP95]).toEqual([null, null])
  const { text } = await get('/metrics?range=1h')
  const waits = [...text.matchAll(/data-label="Wait p95">([^<]*)</g)].map(([, value]) => value)
  expect(waits).toEqual([expect.stringMatching(/ms|s$/), '–'])
})

test('one queue has its depth, its age and what our workers did in it; sparklines come in one pipeline', async () => {
  await fill('mail', 4)
  await sample(before(3))
  await sample(before(2))
  await report(before(3), { scope: 'queue', name: 'mail', done: 6, failed: 2 })
  const { depth, oldest, throughput } = await history().ofQueue('mail', '1h')
  expect(depth.lines[0]?.values.slice(-4)).toEqual([null, 4, 4, null])
  expect(oldest.lines[0]?.values.slice(-4)).toEqual([null, 0, 60, null])
  expect(throughput.lines.map(({ values }) => values.at(-3))).toEqual([6, 2])
  const sparks = await history().sparklines(['mail', 'none'])
  expect(sparks.get('mail')?.slice(-2)).toEqual([4, 4])
  expect(sparks.get('none')?.slice(-2)).toEqual([0, 0])
  expect(sparks.get('mail')).toHaveLength(30)
})

test('a path is broken at a gap, and a lone point is a dot', () => {
  expect(pathOf([1, 2, null, 4, null], 4)).toBe('M60 150L180 100M420 0h.01')
  expect(pathOf([null, null], 1)).toBe('')
})

test('the scale ends at a round number', () => {
  expect([0, 1, 3, 11, 99, 501].map((each) => niceTop(each))).toEqual([2, 2, 4, 20, 100, 600])
  expect(niceTop(61, [60, 120])).toBe(120)
})

const plot: Plot = {
  fromMs: Date.parse('2026-05-05T11:00:00Z'),
  stepMs: MINUTE,
  lines: [
    { name: 'plain', values: [1, null, 3] },
    { name: '<script>alert(1)</script>" onload="x\u202e', values: [2, null, null] },
  ],
}
const chart = (shown: Plot) =>
  String(Chart({ id: 'c', title: 'Jobs', plot: shown, format: (value) => `${value} jobs` }))

test('a chart has a name, a description, a legend in words, and its figures in a table', () => {
  const html = chart(plot)
  expect(html).toMatch(/<svg[^>]*role="img"[^>]*aria-labelledby="c-name"[^>]*aria-describedby="c-about"/)
  expect(html).toContain('From 2026-05-05 11:00:00 UTC to 2026-05-05 11:03:00 UTC.')
  expect(html).toContain('plain: last 3 jobs, highest 3 jobs')
  expect(html).toContain('not recorded')
  expect(html.match(/<tr>/g)).toHaveLength(4)
  expect(html).toContain('<td class="end num">–</td>')
  expect(html.match(/<title>/g)).toHaveLength(3)
  expect(html).toContain('<title id="c-name">Jobs</title>')
})

test('whatever a queue is named, a chart holds no markup of it, no style and no script', () => {
  const html = chart(plot)
  expect(html).not.toContain('<script')
  expect(html).not.toContain('" onload=')
  expect(html).not.toContain('\u202e')
  expect(html).not.toMatch(/\sstyle=/)
})

test('a chart of nothing says so', () => {
  const html = chart({ ...plot, lines: [{ name: 'a', values: [null, null] }] })
  expect(html).toContain('Nothing to draw')
  expect(html).not.toContain('<path class="chart-line chart-line-1" d=""')
  expect(String(Sparkline({ values: [null], label: 'x' }))).not.toContain('<svg')
  expect(String(Sparkline({ values: [0, 1], label: 'a"b' }))).toContain('aria-label="a&quot;b"')
})

const marks = (...list: [minutes: number, label: string][]) =>
  list.map(([minutes, label], i) => ({ id: `${i}`, label, at: new Date(plot.fromMs + minutes * MINUTE) }))

/** What stands above the lines, and where. */
const markerTexts = (html: string) =>
  [...html.matchAll(/<foreignObject[^>]*><div([^>]*)>([^<]*)/g)].map(([, where, text]) => [where, text])

test('markers are lines with their text, and stand in the table and the description', () => {
  const markers = marks([-1, 'before'], [0.2, 'v1.1'], [2.9, 'v1.2'], [3, 'after'])
  const html = String(Chart({ id: 'c', title: 'Jobs', plot, format: String, markers }))
  expect([...html.matchAll(/<line class="chart-marker" x1="(\d+)" x2="\1"/g)].map(([, x]) => x)).toEqual([
    '40',
    '580',
  ])
  // The last is written to the left of its line: at the right there is no room.
  expect(markerTexts(html)).toEqual([
    ['', 'v1.1'],
    [' class="end"', 'v1.2'],
  ])
  expect(html).toMatch(/Deploys: v1.2 at 2026-05-05 11:02; v1.1 at 2026-05-05 11:00\.<\/desc>/)
  expect(html).toContain('<th scope="col">Deploys</th>')
  expect(html).toContain('<td><bdi>v1.2</bdi> <span class="faint num">2026-05-05 11:02</span></td>')
  expect(html).toMatch(/<title>[^<]*\nv1.2<\/title>/)
  expect(html).toContain('</svg>deploy</li>')
  expect(html).not.toMatch(/before|after/)
  expect(html).not.toMatch(/\sstyle=/)
  expect(chart(plot)).not.toMatch(/deploy/i)
})

test('many markers in one spot are one line with their number', () => {
  const markers = marks(...Array.from({ length: 9 }, (_, i): [number, string] => [1 + i / 100, `v${i}`]), [
    2,
    'x',
  ])
  const html = String(Chart({ id: 'c', title: 'Jobs', plot, format: String, markers }))
  expect(html.match(/<line class="chart-marker"/g)).toHaveLength(2)
  expect(markerTexts(html).map(([, text]) => text)).toEqual(['9 deploys', 'x'])
  expect(html).toContain('and 6 more</td>')
  expect(html).toContain(', and 7 before.</desc>')
})

test('whatever a marker says, a chart holds no markup of it', () => {
  const markers = marks([1, '</title><script>alert(1)</script>'], [2, '" onload="alert(1)\u202e'])
  const html = String(Chart({ id: 'c', title: 'Jobs', plot, format: String, markers }))
  expect(html).toContain('&lt;script&gt;')
  expect(html).not.toContain('<script')
  expect(html).not.toContain('" onload=')
  expect(html).not.toContain('\u202e')
})

test('of markers the newest are kept, as long as history, and pages show those of their time', async () => {
  const { markers } = room.resque.store
  const [seconds] = await room.client.time()
  const at = (minutesAgo: number) => new Date((Number(seconds) - minutesAgo * 60) * 1_000)
  for (let i = 1; i <= markerLimits.count; i++) await markers.add(`id${i}`, `v${i}`, at(i))
  await markers.add('new', 'v <new>', at(0.5))
  const all = await markers.between(at(1_000), at(0))
  expect(all).toHaveLength(markerLimits.count)
  expect(all.at(-1)).toMatchObject({ id: 'new', label: 'v <new>' })
  expect(all[0]).toMatchObject({ id: `id${markerLimits.count - 1}` })
  await expect(markers.add('late', 'x', at(900))).rejects.toThrow('newer')
  expect(await markers.between(at(901), at(899))).toEqual([])
  const ttl = await room.client.ttl('resque:metrics:markers')
  expect(ttl).toBeGreaterThan(400 * 86_400)
  // One that grew older than charts go is forgotten with the next.
  await room.client.zadd('resque:metrics:markers', at(401 * 1_440).getTime(), 'aged old')
  await markers.add('newer', 'y')
  // Clocks differ.
  await markers.add('soon', 'z', at(-0.5))
  await expect(markers.add('late', 'z', at(-2))).rejects.toThrow('not to lie in the future')
  expect(await room.client.zscore('resque:metrics:markers', 'aged old')).toBeNull()
  const pageNow = at(0)
  await fill('mail', 1)
  await stats(1, 0)
  for (const minutes of [3, 2]) await sample(at(minutes))
  for (const path of ['/metrics?range=24h', '/metrics?range=1h', '/overview', '/queues/mail']) {
    const { text } = await get(path, { now: () => pageNow })
    expect(text, path).toMatch(/<line class="chart-marker"/)
    expect(text, path).toMatch(/\d+ deploys/)
    expect(text.length, path).toBeLessThan(100_000)
    expect(text.match(/<[a-z]/g)?.length, path).toBeLessThan(2_500)
  }
})

test('where something else lies under the key of markers, charts have none', async () => {
  await room.client.set('resque:metrics:markers', 'a string')
  await stats(1, 0)
  for (const minutes of [3, 2]) await sample(before(minutes))
  const { status, text } = await get('/metrics?range=1h')
  expect(status).toBe(200)
  expect(text).not.toContain('chart-marker')
})

test('every line of a chart has a style of its own', () => {
  const css = readFileSync(new URL('../../src/web/public/chart.css', import.meta.url), 'utf8')
  for (const style of ['failed', 1, 2, 3, 4, 5, 6, 7, 8, 9]) expect(css).toContain(`\n.chart-line-${style} {`)
})

test('the page holds its charts in every range, within the budgets of a page', async () => {
  for (let i = 0; i < 12; i++) await fill(`some-longer-queue-name-${i}`, 5 + i)
  for (let minute = 60; minute > 0; minute--) {
    await stats(100 * (60 - minute), 60 - minute)
    await sample(before(minute))
    await report(before(minute), { scope: 'class', name: 'Job', done: 4, failed: 0, run: counts(minute, 4) })
  }
  for (const range of Object.keys(ranges)) {
    const { status, text } = await get(`/metrics?range=${range}`)
    expect(status).toBe(200)
    expect(text).toContain('<h1>Metrics</h1>')
    expect(text.match(/<figure class="chart">/g)).toHaveLength(7)
    expect(text).not.toMatch(/\sstyle=/)
    expect(text.length).toBeLessThan(100_000)
    expect(text.match(/<[a-z]/g)?.length).toBeLessThan(2_500)
  }
  expect((await get('/metrics?range=2h')).status).toBe(400)
  expect((await get('/metrics')).text).toContain('aria-current="page"')
})

test('Prometheus gets queues, counters, workers and ages', async () => {
  await fill('mail', 3)
  await stats(50, 4)
  await sample(before(61 / 60))
  await sample(before(0, -1))
  const { status, headers, text } = await get('/metrics.prom')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(text).toContain('resque_queue_size{queue="mail"} 3\n')
  expect(text).toContain('resque_queue_oldest_job_age_seconds{queue="mail"} 60\n')
  expect(text).toContain('resque_jobs_processed_total 50\n')
  expect(text).toContain('resque_jobs_failed_total 4\n')
  expect(text).toContain('resque_workers 0\n')
})

test('a label may hold anything, and a queue whose age nobody knows has none', async () => {
  const name = 'a"b\\c\nd'
  await fill(name, 1)
  const { text } = await get('/metrics.prom')
  expect(text).toContain('resque_queue_size{queue="a\\"b\\\\c\\nd"} 1\n')
  expect(text).not.toContain('resque_queue_oldest_job_age_seconds{')
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(
      /^(# (HELP|TYPE) |[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? \d+$)/,
    )
  const snapshot = { ...emptySnapshot, queues: [{ name: '\ud800', size: 1, isPaused: true, workers: 0 }] }
  expect(prometheusText(snapshot as never, undefined)).toContain('resque_queue_paused{queue="\ufffd"} 1\n')
})

const emptySnapshot = {
  ...{ at: now, pending: 0, processed: 0, failedEver: 0, failed: 0, failedLists: [] },
  ...{ isAllPaused: false, queues: [], workers: [], working: 0 },
}

test('neither page is for who has not signed in', async () => {
  const auth = { custom: async () => null }
  for (const path of ['/metrics', '/metrics.prom']) expect((await get(path, { auth })).status).not.toBe(200)
})

test('pages that were told to sample do, and end with close', async () => {
  const own = new Resque({ redis: room.redis.url })
  const one = new History({ store: own.store, now: () => new Date(), log: silent })
  one.start(10)
  await expect.poll(() => room.client.exists('resque:metrics:last')).toBe(1)
  one.close()
  await own.close()
})

test('a queue named like the series of the rest is a queue', () => {
  expect(seriesOf('depth', 'queue', '-')).not.toBe(seriesOf('depth', 'queue', undefined))
})

function counts(ms: number, count: number): number[] {
  const all = new Array<number>(BUCKET_COUNT).fill(0)
  all[bucketOf(ms)] = count
  return all
}

test('a job that takes longer than 99 of 100 of its class is marked, where enough of them are known', async () => {
  const work = async (name: string, minutesAgo: number) => {
    const id = `${name}:1:mail`
    await room.client.sadd('resque:workers', id)
    await room.client.hset('resque:workers:heartbeat', id, new Date().toISOString())
    const runAt = before(minutesAgo).toISOString()
    const payload = { class: name, args: [name] }
    await room.client.set(`resque:worker:${id}`, JSON.stringify({ queue: 'mail', run_at: runAt, payload }))
  }
  const ran = (name: string, count: number, ms: number): ReportEntry => {
    const run = new Uint32Array(BUCKET_COUNT)
    run[bucketOf(ms)] = count
    return { scope: 'class', name, done: count, failed: 0, run, wait: undefined }
  }
  await report(before(10), ran('Slow', 100, 4_000), ran('Usually', 100, 240_000), ran('Rare', 3, 10))
  await report(before(9), ran('Longest', 100, 5_000_000))
  for (const name of ['Slow', 'Usually', 'Rare', 'Longest', 'Unknown']) await work(name, 3)
  const rows = (text: string) => text.match(/<tr>.*?<\/tr>/gs) ?? []
  for (const page of ['/working', '/overview', '/overview.poll']) {
    const { text } = await get(page)
    const marked = rows(text).filter((row) => row.includes('longer than usual'))
    expect(marked).toHaveLength(1)
    expect(marked[0]).toContain('Slow')
    expect(marked[0]).toContain('99 of 100 end within 4 s')
  }
  for (const page of ['/workers/Slow:1:mail', '/workers/Slow:1:mail.poll'])
    expect((await get(page)).text, page).toContain('longer than usual')
  expect((await get('/workers/Usually:1:mail')).text).not.toContain('longer than usual')
})
