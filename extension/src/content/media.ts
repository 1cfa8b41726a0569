// Pictures, sound and video of the page's own site: what failed to load is loaded once more, if the worker pays it. What
// costs by the second is not begun before somebody plays it, and begins again when the person asks for it in the popup.
import { answerOf, hear, tell } from './extension.ts';

type Element = HTMLImageElement | HTMLMediaElement;

/** A browser that cannot load what was to play says that it paused: what was wanted is noted before. */
const played = new WeakSet<Element>();
window.addEventListener('play', ({ target }) => target instanceof HTMLMediaElement && played.add(target), true);
window.addEventListener('pause', ({ target }) => target instanceof HTMLMediaElement && played.delete(target), true);

window.addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLImageElement || target instanceof HTMLMediaElement)
      void again(target, target.currentSrc || target.src);
    const parent = target instanceof HTMLSourceElement ? target.parentElement : null;
    if (target instanceof HTMLSourceElement && parent instanceof HTMLMediaElement) void again(parent, target.src);
  },
  true,
);

async function again(element: Element, url: string): Promise<void> {
  if (!url.startsWith(`${location.origin}/`) || url.includes('#farthing-')) return;
  const kind = element instanceof HTMLImageElement ? 'image' : 'media';
  const plays = played.has(element) || (element instanceof HTMLMediaElement && element.autoplay);
  const idle = kind === 'media' && !plays;
  const said = answerOf(await tell('payFetch', { url: bare(url), method: 'GET', step: 'asked', kind, idle }));
  // The page may have given it something else to show meanwhile.
  if (typeof said !== 'object' || said === null || !hasFailed(element)) return;
  if ('nonce' in said && typeof said.nonce === 'string') load(element, `${bare(url)}#${said.nonce}`, plays);
  if ('onPlay' in said && said.onPlay === true && element instanceof HTMLMediaElement) {
    // Its button can be pressed again; then it is asked for, and paid.
    element.preload = 'none';
    element.src = url;
  }
}

const hasFailed = (element: Element) =>
  element instanceof HTMLImageElement
    ? element.naturalWidth === 0
    : element.error !== null || element.networkState === HTMLMediaElement.NETWORK_NO_SOURCE;

function load(element: Element, address: string, plays: boolean): void {
  if (element instanceof HTMLImageElement) element.removeAttribute('srcset');
  element.src = address;
  if (plays && element instanceof HTMLMediaElement) play(element);
}

/** The page may have to be clicked first: then its button waits for that. */
const play = (element: HTMLMediaElement) => void element.play().catch(() => undefined);

const bare = (url: string) => url.split('#', 1)[0] ?? url;

hear((message) => {
  if (typeof message !== 'object' || message === null || !('play' in message) || typeof message.play !== 'string')
    return;
  for (const element of document.querySelectorAll<HTMLMediaElement>('audio, video')) {
    const over = element.ended || hasFailed(element);
    if (!over || bare(element.currentSrc) !== message.play) continue;
    element.src = message.play;
    play(element);
  }
});
