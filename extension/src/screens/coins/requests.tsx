// What was asked for, and what came; and the way to answer somebody else's request.
import type { RequestInfo } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { send, snapshot } from '../../ui/client.ts';
import { BackLink, Button, Title, useLoad } from '../../ui/parts.tsx';
import { go, link } from '../../ui/router.ts';
import { t } from '../../ui/t.ts';
import { Entry } from './entry.tsx';
import { REQUEST_STATES } from './request.tsx';

export function Requests() {
  const [requests, setRequests] = useState<readonly RequestInfo[]>();
  useLoad(async () => setRequests(await send('requests', {})), [snapshot.value]);
  return (
    <>
      <BackLink href={link('coins')} />
      <Title>{t('requests')}</Title>
      <div class="row wrap">
        <Button kind="primary" wide onPress={() => go('ask')}>
          {t('ask_title')}
        </Button>
        <Button wide onPress={() => go('answer')}>
          {t('answer')}
        </Button>
      </div>
      {requests?.length === 0 && <p class="muted">{t('requests_empty')}</p>}
      {requests !== undefined && requests.length > 0 && (
        <ul class="list card">
          {requests.map((request) => (
            <Line key={request.id} request={request} />
          ))}
        </ul>
      )}
    </>
  );
}

function Line({ request: { id, memo, state, ...sums } }: { request: RequestInfo }) {
  const title = memo ?? t('request');
  return <Entry href={link('request', id)} title={title} standing={REQUEST_STATES[state]} {...sums} />;
}
