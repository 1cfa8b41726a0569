import { nodeEnv } from '@farthing/node-kit';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { expect, it } from 'vitest';
import { newPhrase, readPhrase } from './phrase.ts';

const phrase = newPhrase(nodeEnv());
const words = phrase.split(' ');

it('A phrase is read as people type it', () => {
  expect(words).toHaveLength(12);
  expect(readPhrase(`  ${words.join('\n ').toUpperCase()} `)).toBe(phrase);
});

it('A phrase whose last word has another checksum is refused, although the word is of the list', () => {
  // The last word carries seven bits of the secret and four of the checksum: these fifteen differ in the checksum alone.
  const last = wordlist.indexOf(words.at(-1) ?? '');
  for (let sum = 1; sum < 16; sum++) {
    const other = [...words.slice(0, -1), wordlist[last ^ sum]].join(' ');
    expect(() => readPhrase(other)).toThrow(/no recovery phrase/);
  }
});

it.each([
  ['a word that is not of the list', [...words.slice(1), 'zebras']],
  ['a word missing', words.slice(1)],
  ['nothing', []],
])('A phrase with %s is refused', (_, typed) => {
  expect(() => readPhrase(typed.join(' '))).toThrow(/no recovery phrase/);
});
