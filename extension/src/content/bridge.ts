// Runs beside each page, out of its reach: carries the page's wish to pay to the worker and follows links that can be
// paid ahead. It hides a 402 page for a moment while the worker pays it, so that nobody sees it flash by.
import { type Ahead, fits, isAheadEntry } from '../pattern.ts';
import { answerOf, tell } from './extension.ts';
import './media.ts';

const HIDDEN_MS = 1500;
const WAIT_MS = 350;
const LEARNED_MS = 500;
const ASK = 'farthing:ask';
const ANSWER = 'farthing:answer';
const AHEAD = 'farthing:ahead';

let ahead: readonly Ahead[] = [];

async function hello(): Promise<void> {
  const [entry] = document.readyState === 'loading' ? performance.getEntriesByType('navigation') : [];
  const is402 = entry !== undefined && 'responseStatus' in entry && entry.responseStatus === 402;
  const shown = is402 ? hide() : () => undefined;
  const said = answerOf(await tell('hello', {}));
  if (typeof said !== 'object' || said === null) return shown();
  if (!('paying' in said && said.paying === true)) shown();
  if (learn(said)) document.dispatchEvent(new CustomEvent(AHEAD, { detail: JSON.stringify({ ahead }) }));
}

function hide(): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(':root{visibility:hidden!important}');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const show = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
  };
  setTimeout(show, HIDDEN_MS);
  return show;
}

function learn(said: object): boolean {
  if (!('ahead' in said) || !Array.isArray(said.ahead)) return false;
  ahead = said.ahead.filter(isAheadEntry);
  return ahead.length > 0;
}

/** A page is paid by a single charge, so that it can be read again. */
function isAhead({ origin, pathname: path }: URL): boolean {
  const page = { method: 'GET', path, hasBody: false };
  return origin === location.origin && ahead.some((entry) => !entry.session && fits(entry, page));
}

window.addEventListener('click', (event) => {
  if (ahead.length === 0 || !event.isTrusted || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
  if (!link || !isPlain(link)) return;
  const url = new URL(link.href, location.href);
  if (!isAhead(url) || url.pathname + url.search === location.pathname + location.search) return;
  event.preventDefault();
  const go = () => location.assign(url.href);
  void Promise.race([tell('preempt', { url: url.href }), new Promise((done) => setTimeout(done, WAIT_MS))]).then(
    go,
    go,
  );
});

/** Only links that `location.assign` follows in the same way. */
function isPlain(link: HTMLAnchorElement): boolean {
  if (link.target !== '' && link.target !== '_self') return false;
  return !link.hasAttribute('download') && !link.hasAttribute('ping') && link.rel === '' && link.referrerPolicy === '';
}

// The page's script can send these events as well as our wrapper can. It gains nothing: the worker pays only what the
// page's own requests were asked for, by the rules of the page's own site.
document.addEventListener(ASK, (event) => {
  if (!(event instanceof CustomEvent) || typeof event.detail !== 'string') return;
  void relay(event.detail);
});

async function relay(detail: string): Promise<void> {
  let asked: Readonly<Record<string, unknown>>;
  try {
    asked = JSON.parse(detail);
  } catch {
    return;
  }
  const { id, url, method, step, kind, nonce: before, digest, lastEventId } = asked;
  const wish = { url, method, step, nonce: before, digest, lastEventId, kind: kind === 'events' ? kind : 'script' };
  const said = answerOf(await tell('payFetch', wish));
  const nonce = typeof said === 'object' && said !== null && 'nonce' in said ? said.nonce : undefined;
  // Where else the offer holds: a session says it at once, a paid answer brings it.
  const learned = typeof said === 'object' && said !== null && learn(said) ? { ahead } : {};
  if (typeof nonce === 'string') setTimeout(() => void hello(), LEARNED_MS);
  document.dispatchEvent(new CustomEvent(ANSWER, { detail: JSON.stringify({ id, nonce, ...learned }) }));
}

void hello();
