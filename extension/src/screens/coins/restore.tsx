// An empty wallet becomes the one of twelve words, and shows how far it is.
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { useKept } from '../../ui/kept.ts';
import { Area, BackLink, Field, Problem, Title } from '../../ui/parts.tsx';
import { link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { useTask } from '../../ui/task.ts';
import { SearchCard } from './search-card.tsx';

export function Restore() {
  const { config, search } = snapshot.value;
  const [words, setWords] = useState('');
  const broker = useKept('broker', config.broker ?? '');
  const task = useTask();
  const running = task.busy || (search?.kind === 'restore' && search.state === 'running');
  return (
    <>
      <BackLink href={link(snapshot.value.ready ? 'more' : '')} />
      <Title>{t('restore')}</Title>
      {task.problem !== undefined && search?.code !== task.problem && <Problem code={task.problem} />}
      {search?.kind === 'restore' && <SearchCard search={search} />}
      {search?.kind !== 'restore' || search.state === 'failed' ? (
        <form
          class="card stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (running || words.trim() === '') return;
            task.run(async () => {
              await send('restore', { phrase: words, brokerUrl: broker.text });
              setWords('');
              broker.drop();
            });
          }}
        >
          <Area label={t('restore_words')} value={words} rows={3} onInput={setWords} />
          <Field label={t('broker_address')} kind="url" value={broker.text} onInput={broker.type} />
          <button type="submit" class="btn primary" disabled={running}>
            {t('restore_start')}
          </button>
          <p class="muted s">{t('restore_text')}</p>
        </form>
      ) : null}
    </>
  );
}
