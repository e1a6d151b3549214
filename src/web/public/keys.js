// The keyboard: `g` and a letter for pages, j and k along the rows, ? for the list of keys. Keys of one letter get in
// the way of those who talk to their machine, so they can be turned off; in fields they are only letters.

const pages = { o: '/overview', w: '/working', f: '/failed', q: '/queues', k: '/workers', s: '/stats' }
const SEQUENCE_MS = 1_500

function isOn() {
  try {
    return localStorage.getItem('resque-keys') !== 'off'
  } catch {
    return true
  }
}

function setOn(on) {
  try {
    localStorage.setItem('resque-keys', on ? 'on' : 'off')
  } catch {
    // Nothing can be kept here: they stay on.
  }
}

function showSwitch(root) {
  for (const box of root.querySelectorAll('[data-keys-switch]')) box.checked = isOn()
  for (const element of root.querySelectorAll('[data-needs-script]')) element.hidden = false
}

showSwitch(document)
document.addEventListener('resque:shown', ({ detail }) => showSwitch(detail))
document.addEventListener('change', ({ target }) => {
  if (target.matches('[data-keys-switch]')) setOn(target.checked)
})

function rows() {
  return [...document.querySelectorAll('main tbody tr')].filter((row) =>
    row.querySelector('a, button, summary'),
  )
}

function currentRow() {
  return document.activeElement?.closest('main tbody tr') ?? undefined
}

function move(step) {
  const all = rows()
  const at = all.indexOf(currentRow())
  const row = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))]
  const target = row?.querySelector('th a, a, summary, button')
  target?.focus()
  row?.scrollIntoView({ block: 'nearest' })
}

/** The box that was last set by a key or a click: a range begins there. */
let lastBox

function boxOf(row) {
  return row?.querySelector('input[type=checkbox]')
}

function set(box, checked) {
  if (box.checked === checked || box.disabled) return
  box.checked = checked
  box.dispatchEvent(new Event('change', { bubbles: true }))
}

function select(isRange) {
  const box = boxOf(currentRow())
  if (!box) return
  const boxes = rows().map(boxOf).filter(Boolean)
  const from = boxes.indexOf(lastBox)
  if (isRange && from >= 0) {
    const [low, high] = [from, boxes.indexOf(box)].sort((a, b) => a - b)
    for (const each of boxes.slice(low, high + 1)) set(each, true)
  } else set(box, !box.checked)
  lastBox = box
}

/** A button of the row the focus is in, or else of the page. */
function press(word) {
  const selector = [
    `[data-key="${word}"]`,
    `button[formaction$="/${word}"]`,
    `form[action$="/${word}"] button`,
    `.button[href$="/${word}"]`,
  ].join()
  const button = (currentRow() ?? document.querySelector('main .section-head'))?.querySelector(selector)
  button?.click()
}

function go(path) {
  const link = [...document.querySelectorAll('.tabs a')].find(({ pathname }) => pathname.endsWith(path))
  link?.click()
}

function search() {
  const field = document.querySelector('main input[type=search], main input[data-search]')
  field?.focus()
  field?.select()
  return field
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  x: () => select(false),
  X: () => select(true),
  r: () => press('retry'),
  '#': () => press('remove'),
  '/': search,
  '.': () => document.querySelector('[data-live-pause]')?.click(),
  '?': () => document.querySelector('[data-keys-help]')?.click(),
}

let gAt = -SEQUENCE_MS

function isField(element) {
  if (!(element instanceof HTMLElement)) return false
  if (element.isContentEditable || element.matches('textarea, select')) return true
  return element.matches('input') && !/^(checkbox|radio|button|submit)$/.test(element.type)
}

document.addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event
  if (event.defaultPrevented || event.isComposing || ctrlKey || metaKey || altKey) return
  if (isField(target) || document.querySelector('dialog[open]') || !isOn()) return
  const isSecond = performance.now() - gAt < SEQUENCE_MS
  gAt = -SEQUENCE_MS
  if (isSecond && Object.hasOwn(pages, key)) {
    event.preventDefault()
    go(pages[key])
  } else if (key === 'g') gAt = performance.now()
  else if (Object.hasOwn(actions, key)) {
    event.preventDefault()
    actions[key]()
  }
})
