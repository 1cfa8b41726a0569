// Keys that work on every screen of the popup: `/` goes to the search field, Escape goes back. Arrows within Auto, Ask and
// Never are the browser's own: they are radio buttons.

const isField = (target: EventTarget | null): target is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;

export function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, target } = event;
    const wanted = key === '/' && !isTyping(target) ? find('input[type="search"]') : undefined;
    // In a search field with text, Escape is the browser's own: it clears the field.
    const back =
      key === 'Escape' && !(isField(target) && target.type === 'search' && target.value !== '') && find('a.back');
    if (!wanted && !back) return;
    event.preventDefault();
    if (wanted) wanted.focus();
    if (back) back.click();
  });
}

const find = (selector: string) => document.querySelector<HTMLElement>(selector) ?? undefined;
const isTyping = (target: EventTarget | null) =>
  isField(target) && target.type !== 'radio' && target.type !== 'checkbox';
