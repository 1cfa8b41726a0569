// One payment in full: what, when, to whom, why it was allowed, and its number, to copy, print or open again.
import type { PaymentRecord } from '@farthing/wallet';
import { useState } from 'preact/hooks';
import { browser } from '../browser.ts';
import { pack } from '../codec.ts';
import { send } from '../ui/client.ts';
import { full } from '../ui/dates.ts';
import { formatExact, Money } from '../ui/money.tsx';
import { BackLink, Button, Chip, Host, Live, problemText, says, Title, useLoad } from '../ui/parts.tsx';
import { link } from '../ui/router.ts';
import { t } from '../ui/t.ts';
import { units } from '../ui/units.tsx';
import { amountOf, isCoinMove, kindKey, stateChip, stateKey } from './record.ts';

export function Receipt({ id }: { id: string }) {
  const [record, setRecord] = useState<PaymentRecord>();
  const [missing, setMissing] = useState(false);
  const [said, setSaid] = useState('');
  useLoad(async () => {
    const found = await send('record', { id });
    setRecord(found);
    setMissing(!found);
  }, [id]);
  const copy = (text: string) => void navigator.clipboard.writeText(text).then(() => setSaid(t('copied')));
  return (
    <>
      <BackLink href={link('activity')} />
      <Title>{t('receipt')}</Title>
      {missing && <p class="muted">{t('activity_none')}</p>}
      {record && (
        <>
          <Facts record={record} />
          <div class="row wrap noprint">
            <Button wide onPress={() => copy(plainText(record))}>
              {t('copy')}
            </Button>
            <Button wide onPress={() => copy(JSON.stringify(pack(record), null, 2))}>
              {t('copy_json')}
            </Button>
            {record.kind === 'payment' && record.url !== undefined && (
              <Button wide onPress={() => void openPage(record)}>
                {t('open_page')}
              </Button>
            )}
          </div>
        </>
      )}
      <Live>{said}</Live>
      {said !== '' && <p class="muted s">{said}</p>}
    </>
  );
}

function Facts({ record }: { record: PaymentRecord }) {
  const chip = stateChip(record) ?? { key: stateKey(record), tone: 'ok' as const };
  const { site, url, brokerName, says: described, why, reference, balanceAfterMicro, code } = record;
  return (
    <section class="card stack">
      <div class="row between">
        <Money amount={amountOf(record)} currency={record.currency} sign big />
        <Chip tone={chip.tone}>{t(chip.key)}</Chip>
      </div>
      <dl class="kv s">
        <dt>{t('kind')}</dt>
        <dd>{t(kindKey(record))}</dd>
        {site !== undefined && (
          <>
            <dt>{t('site')}</dt>
            <dd>
              <Host origin={site} />
            </dd>
          </>
        )}
        {url !== undefined && (
          <>
            <dt>{t('page')}</dt>
            <dd>
              <bdi dir="ltr" class="break">
                {new URL(url).pathname}
              </bdi>
            </dd>
          </>
        )}
        <dt>{t('time')}</dt>
        <dd>
          <time dateTime={new Date(record.atMs).toISOString()}>{full(record.atMs)}</time>
        </dd>
        {record.units !== undefined && record.unit !== undefined && (
          <>
            <dt>{t('stream_units')}</dt>
            <dd>{units(record.unit, record.units)}</dd>
          </>
        )}
        {brokerName !== undefined && (
          <>
            <dt>{t('pay_with')}</dt>
            <dd>
              <bdi>{brokerName}</bdi>
              {described && ` · ${says(described.kind)}`}
            </dd>
          </>
        )}
        {described && (
          <>
            <dt>{t('site_learns')}</dt>
            <dd>{says(described.siteLearns)}</dd>
            <dt>{t('broker_learns')}</dt>
            <dd>{says(described.brokerLearns)}</dd>
          </>
        )}
        {why !== undefined && site !== undefined && (
          <>
            <dt>{t('why_paid')}</dt>
            <dd>{why === 'person' ? t('why_person') : t('why_rule')}</dd>
          </>
        )}
        {record.chosen !== undefined && (
          <>
            <dt>{t('why_money')}</dt>
            <dd>{t(`chosen_${record.chosen}`)}</dd>
          </>
        )}
        {balanceAfterMicro !== undefined && (
          <>
            <dt>{t('balance_after')}</dt>
            <dd>
              <Money amount={balanceAfterMicro} currency={record.currency} />
            </dd>
          </>
        )}
        {reference !== undefined && (
          <>
            <dt>{t('receipt_number')}</dt>
            <dd>
              <bdi dir="ltr" class="break mono">
                {reference}
              </bdi>
            </dd>
          </>
        )}
      </dl>
      {record.receipt !== undefined && record.state === 'paid' && <p class="ok s">✓ {t('verified')}</p>}
      {record.kind === 'payment' && isCoinMove(record) && why === 'gift' && (
        <a class="s" href={link('gift', record.id)}>
          {t('gift')}
        </a>
      )}
      {code !== undefined && record.state !== 'paid' && <p class="s">{problemText(code)}</p>}
    </section>
  );
}

async function openPage({ url }: PaymentRecord): Promise<void> {
  if (url !== undefined) await browser.tabs.create({ url });
}

const plainText = (record: PaymentRecord) =>
  [
    `${t('receipt')}: ${formatExact(record.amountMicro, record.currency)}`,
    record.site,
    record.url,
    new Date(record.atMs).toISOString(),
    record.brokerName,
    record.reference,
  ]
    .filter((line) => line !== undefined)
    .join('\n');
