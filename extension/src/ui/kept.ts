// Drafts as the screens use them: a text field that is still there when the popup opens again.
import { useState } from 'preact/hooks';
import { browser } from '../browser.ts';
import { sessionArea } from '../session-area.ts';
import { tabBelow } from './below.ts';
import { Drafts, screenOf } from './drafts.ts';
import { onMove } from './router.ts';

let drafts: Drafts | undefined;
/** The page with many screens; the others have one. */
const inPopup = location.pathname === '/popup.html';
const screen = () => (inPopup ? screenOf(location.hash) : location.pathname);

/** Before the first paint: goes back to where the person was, and notes from now on where they go. */
export async function loadDrafts(): Promise<void> {
  const [opened, over] = await Promise.all([Drafts.open(sessionArea, Date.now()), pageBelow()]);
  drafts = opened;
  if (!inPopup) return;
  const hash = location.hash === '' ? opened.resume(over) : undefined;
  if (hash !== undefined && hash !== '') history.replaceState(null, '', hash);
  onMove((now) => opened.moved(now, over, Date.now()));
}

/** Screens in a tab of their own are over themselves: a tab that is loaded again goes on where it was. */
async function pageBelow(): Promise<string> {
  const [own, tab] = await Promise.all([browser.tabs.getCurrent(), tabBelow()]).catch(() => []);
  return (own ? location.href : tab?.url)?.split('#', 1)[0] ?? '';
}

export type Kept = {
  /** What was typed, else the value in force. */
  readonly text: string;
  readonly isDraft: boolean;
  readonly type: (text: string) => void;
  /** The draft was sent, or is not wanted: the value in force shows again. */
  readonly drop: () => void;
};

/** One field of the screen that is shown. `inForce` is its value as long as nobody has typed. Never for secrets. */
export function useKept(field: string, inForce: string): Kept {
  const [name] = useState(() => `${screen()} ${field}`);
  const [typed, setTyped] = useState(() => drafts?.text(name));
  return {
    text: typed ?? inForce,
    isDraft: typed !== undefined,
    type: (text) => {
      setTyped(text);
      drafts?.write(name, text, Date.now());
    },
    drop: () => {
      setTyped(undefined);
      drafts?.drop(name);
    },
  };
}
