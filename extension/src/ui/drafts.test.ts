import { describe, expect, it } from 'vitest';
import { type Area, Drafts, KEPT_MS } from './drafts.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** The browser's session area, as a page that opens later finds it. */
function area(kept: Record<string, unknown> = {}): Area & { readonly kept: Record<string, unknown> } {
  return {
    kept,
    get: async () => structuredClone(kept),
    set: async (items) => void Object.assign(kept, structuredClone(items)),
    remove: async (keys) => {
      for (const key of keys) delete kept[key];
    },
  };
}

describe('a popup that closes in the middle of typing', () => {
  it('has the text of every field again when it opens within ten minutes', async () => {
    const session = area();
    const first = await Drafts.open(session, START_MS);
    first.write('top-up voucher', 'ABCD-12', START_MS);
    first.write('site/https://news.example limit-day', '0.7', START_MS);
    const again = await Drafts.open(session, START_MS + KEPT_MS - 1);
    expect(again.text('top-up voucher')).toBe('ABCD-12');
    expect(again.text('site/https://news.example limit-day')).toBe('0.7');
  });

  it('has forgotten it after ten minutes, also in the browser’s storage', async () => {
    const session = area();
    (await Drafts.open(session, START_MS)).write('top-up voucher', 'ABCD-12', START_MS);
    const again = await Drafts.open(session, START_MS + KEPT_MS);
    expect(again.text('top-up voucher')).toBeUndefined();
    expect(session.kept).toEqual({});
  });

  it('has forgotten what was sent', async () => {
    const session = area();
    const first = await Drafts.open(session, START_MS);
    first.write('top-up voucher', 'ABCD-12', START_MS);
    first.drop('top-up voucher');
    expect((await Drafts.open(session, START_MS)).text('top-up voucher')).toBeUndefined();
    expect(session.kept).toEqual({});
  });

  it('keeps each popup’s own fields, when a tab and a popup are open together', async () => {
    const session = area();
    const [tab, popup] = [await Drafts.open(session, START_MS), await Drafts.open(session, START_MS)];
    tab.write('budgets day', '2', START_MS);
    popup.write('activity search', 'tides', START_MS);
    const again = await Drafts.open(session, START_MS);
    expect([again.text('budgets day'), again.text('activity search')]).toEqual(['2', 'tides']);
  });
});

describe('where a popup begins', () => {
  const page = 'https://news.example/article/1';

  it('on the screen that was left, over the same page', async () => {
    const session = area();
    (await Drafts.open(session, START_MS)).moved('#/budgets', page, START_MS);
    expect((await Drafts.open(session, START_MS + 1)).resume(page)).toBe('#/budgets');
  });

  it('on the new page’s state, over another page: that is what the popup is for', async () => {
    const session = area();
    (await Drafts.open(session, START_MS)).moved('#/budgets', page, START_MS);
    expect((await Drafts.open(session, START_MS + 1)).resume('https://news.example/article/2')).toBeUndefined();
  });

  it('on the screen that was left, over any page, while something half typed waits there', async () => {
    const session = area();
    const first = await Drafts.open(session, START_MS);
    first.moved('#/site/https%3A%2F%2Fnews.example', page, START_MS);
    first.write('site/https://news.example limit-day', '0.7', START_MS);
    expect((await Drafts.open(session, START_MS + 1)).resume('https://other.example/')).toBe(
      '#/site/https%3A%2F%2Fnews.example',
    );
  });

  it('anew after ten minutes', async () => {
    const session = area();
    (await Drafts.open(session, START_MS)).moved('#/budgets', page, START_MS);
    expect((await Drafts.open(session, START_MS + KEPT_MS)).resume(page)).toBeUndefined();
  });
});

describe('what lies in the area', () => {
  it('is not believed when it has another shape, and other parts’ entries are left alone', async () => {
    const session = area({
      'draft a': { text: 7, atMs: START_MS },
      place: 'x',
      'draft b': null,
      snapshot: { version: 1 },
    });
    const drafts = await Drafts.open(session, START_MS);
    expect([drafts.text('a'), drafts.text('b'), drafts.resume('')]).toEqual([undefined, undefined, undefined]);
    expect(session.kept).toEqual({ snapshot: { version: 1 } });
  });

  it('does not grow without end by one field', async () => {
    const session = area();
    (await Drafts.open(session, START_MS)).write('activity search', 'x'.repeat(100_000), START_MS);
    expect(session.kept).toEqual({});
  });
});
