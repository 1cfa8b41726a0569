// The twelve words that the money comes back from: shown after a warning, and checked by asking for some of them.
// They are never stored by a screen, never copied, and gone with the screen.
import type { Phrase } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { day } from '../../ui/dates.ts';
import { BackLink, Button, Field, Title } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { wordsCheckedAtMs, wordsWereRight } from '../../ui/settings.ts';
import { t } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { Trouble } from '../unlock.tsx';
import { SearchCard } from './search-card.tsx';

type Step = 'warning' | 'words' | 'check' | 'right';

export function PhraseScreen() {
  const [phrase, setPhrase] = useState<Phrase>();
  const [step, setStep] = useState<Step>('warning');
  const task = useTask();
  const { search } = snapshot.value;
  const checkedAtMs = wordsCheckedAtMs.value;
  const right = () => {
    setStep('right');
    void wordsWereRight(Date.now());
  };
  const show = () =>
    task.run(async () => {
      setPhrase(await send('phrase', {}));
      setStep('words');
    });
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t('phrase')}</Title>
      <Trouble task={task} />
      {(step === 'warning' || !phrase) && <Warning busy={task.busy} show={show} />}
      {step === 'words' && phrase && <Words phrase={phrase} next={() => setStep('check')} />}
      {step === 'check' && phrase && <Check words={wordsOf(phrase)} right={right} again={() => setStep('words')} />}
      {step === 'right' && (
        <p class="ok" role="status">
          ✓ {t('words_right')}
        </p>
      )}
      {checkedAtMs !== undefined && <p class="muted s">{t('words_checked', { day: day(checkedAtMs) })}</p>}
      {step === 'warning' && (
        <section class="card stack">
          <h2>{t('search_title')}</h2>
          <p class="muted s">{t('search_text')}</p>
          <Button busy={search?.state === 'running'} onPress={() => task.run(() => send('checkCoins', {}))}>
            {t('search_start')}
          </Button>
        </section>
      )}
      {step === 'warning' && search?.kind === 'check' && <SearchCard search={search} />}
    </>
  );
}

const wordsOf = ({ phrase }: Phrase) => phrase.split(' ');

function Warning({ busy, show }: { busy: boolean; show: () => void }) {
  return (
    <section class="card stack">
      <p>{t('words_warning')}</p>
      <p class="muted s">{t('words_alone')}</p>
      <Button kind="primary" busy={busy} onPress={(event) => event.isTrusted && show()}>
        {t('words_show')}
      </Button>
    </section>
  );
}

function Words({ phrase, next }: { phrase: Phrase; next: () => void }) {
  return (
    <section class="card stack">
      <ol class="words" translate={false}>
        {wordsOf(phrase).map((word, at) => (
          <li key={at}>
            <span class="muted xs">{(at + 1).toLocaleString()}</span>
            <b>{word}</b>
          </li>
        ))}
      </ol>
      <p class="muted s">{t('words_paper')}</p>
      {!phrase.account && <p class="banner">{t('words_coins_only')}</p>}
      <Button kind="primary" onPress={next}>
        {t('words_written')}
      </Button>
    </section>
  );
}

const ASKED = 3;

/** Places of three words, each another. */
function someOf(count: number): number[] {
  const places = Array.from({ length: count }, (_, at) => at);
  const random = crypto.getRandomValues(new Uint32Array(ASKED));
  return [...random].flatMap((number) => places.splice(number % places.length, 1)).sort((a, b) => a - b);
}

type CheckProps = { readonly words: readonly string[]; readonly right: () => void; readonly again: () => void };

function Check({ words, right, again }: CheckProps) {
  const [places] = useState(() => someOf(words.length));
  const [typed, setTyped] = useState<Readonly<Record<number, string>>>({});
  const [wrong, setWrong] = useState(false);
  const isRight = () => places.every((place) => typed[place]?.trim().toLowerCase() === words[place]);
  return (
    <form
      class="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (isRight()) right();
        else setWrong(true);
      }}
    >
      {wrong ? (
        <p class="banner bad" role="alert">
          {t('words_wrong')}
        </p>
      ) : (
        <p>{t('words_check_text')}</p>
      )}
      {places.map((place) => (
        <Field
          key={place}
          label={t('word_number', { number: (place + 1).toLocaleString() })}
          value={typed[place] ?? ''}
          onInput={(text) => {
            setWrong(false);
            setTyped({ ...typed, [place]: text });
          }}
        />
      ))}
      <div class="row wrap">
        <Button wide onPress={again}>
          {t('words_again')}
        </Button>
        <button type="submit" class="btn primary grow">
          {t('words_check')}
        </button>
      </div>
    </form>
  );
}
