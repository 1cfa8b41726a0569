// What the film shows and sounds like, for captions and for the page beside it: one text for both.
export type Caption = { readonly from: number; readonly to: number; readonly text: string };

export const captions: readonly Caption[] = [
  { from: 0.4, to: 4.6, text: 'Skerry Point, an evening in thirty-six seconds. [Waves; a bell buoy]' },
  { from: 5, to: 9, text: 'The sun goes down. A dinghy puts out from the harbour.' },
  { from: 9.4, to: 13.6, text: 'Stars. Somebody lights a lantern. [The bell again]' },
  { from: 14, to: 18.5, text: 'The light is lit: two long, one short.' },
  { from: 19, to: 24.5, text: 'Fog comes in. [A horn: two long, one short]' },
  { from: 25, to: 30, text: 'The dinghy rows towards the light. [The horn again]' },
  { from: 30.5, to: 33, text: 'The fog lifts. [The bell buoy]' },
  { from: 33.2, to: 36, text: '“Wind none. Visibility none. One vessel.”' },
];

const clock = (second: number): string => `00:00:${second.toFixed(3).padStart(6, '0')}`;

/** The file that a `<track>` reads. */
export const webVtt = (): string =>
  ['WEBVTT', ...captions.map(({ from, to, text }) => `${clock(from)} --> ${clock(to)}\n${text}`)].join('\n\n');
