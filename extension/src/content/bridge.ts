// Runs beside each page, out of its reach: carries the page's wish to pay to the worker and follows links that can be
// paid ahead. It hides a 402 page for a moment while the worker pays it, so that nobody sees it flash by.
import { matchesPattern } from '../pattern.ts';
import { tell } from './extension.ts';

const HIDDEN_MS = 1500;
const WAIT_MS = 350;
const LEARNED_MS = 500;
const ASK = 'farthing:ask';
const ANSWER = 'farthing:answer';
const AHEAD = 'farthing:ahead';

let ahead: readonly string[] = [];

async function hello(): Promise<void> {
  const [entry] = document.readyState === 'loading' ? performance.getEntriesByType('navigation') : [];
  const is402 = entry !== undefined && 'responseStatus' in entry && entry.responseStatus === 402;
  const shown = is402 ? hide() : () => undefined;
  const said = answerOf(await tell('hello', {}));
  if (typeof said !== 'object' || said === null) return shown();
  if (!('paying' in said && said.paying === true)) shown();
  if ('ahead' in said && Array.isArray(said.ahead)) {
    ahead = said.ahead.filter((pattern) => typeof pattern === 'string');
    if (ahead.length > 0) document.dispatchEvent(new CustomEvent(AHEAD, { detail: JSON.stringify(ahead) }));
  }
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

/** The worker's answer without its envelope; `undefined` for a problem. */
function answerOf(raw: unknown): unknown {
  return typeof raw === 'object' && raw !== null && 'ok' in raw ? raw.ok : undefined;
}

function isAhead(url: URL): boolean {
  return url.origin === location.origin && ahead.some((pattern) => matchesPattern(pattern, url.pathname));
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

// Pictures and media of the page's own site: what failed to load is loaded once more, if the worker pays it by rule.
window.addEventListener(
  'error',
  ({ target }) => {
    const image = target instanceof HTMLImageElement;
    if (!image && !(target instanceof HTMLMediaElement)) return;
    const url = target.currentSrc || target.src;
    if (!url.startsWith(`${location.origin}/`) || url.includes('#farthing-')) return;
    void again(target, url, image ? 'image' : 'media');
  },
  true,
);

async function again(target: HTMLImageElement | HTMLMediaElement, url: string, kind: 'image' | 'media'): Promise<void> {
  const nonce = answerOf(await tell('payFetch', { url, method: 'GET', first: false, kind }));
  if (typeof nonce !== 'string') return;
  if (target instanceof HTMLImageElement) target.removeAttribute('srcset');
  target.src = `${url.split('#', 1)[0]}#${nonce}`;
}

// The page's script can send these events as well as our wrapper can. It gains nothing: the worker pays only what the
// page's own requests were asked for, by the rules of the page's own site.
document.addEventListener(ASK, (event) => {
  if (!(event instanceof CustomEvent) || typeof event.detail !== 'string') return;
  void relay(event.detail);
});

async function relay(detail: string): Promise<void> {
  let asked: { id?: unknown; url?: unknown; method?: unknown; first?: unknown };
  try {
    asked = JSON.parse(detail);
  } catch {
    return;
  }
  const { id, url, method, first } = asked;
  const nonce = answerOf(await tell('payFetch', { url, method, first }));
  // The paid answer may say where else its offer holds.
  if (typeof nonce === 'string') setTimeout(() => void hello(), LEARNED_MS);
  document.dispatchEvent(new CustomEvent(ANSWER, { detail: JSON.stringify({ id, nonce }) }));
}

void hello();
