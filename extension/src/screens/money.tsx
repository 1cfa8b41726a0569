// All the money: at each broker, in site coins, set aside for payments whose end is not known.
import type { BrokerBalance } from '@farthing/wallet';
import { snapshot } from '../ui/client.ts';
import { Money } from '../ui/money.tsx';
import { BackLink, Button, Chip, Title } from '../ui/parts.tsx';
import { go, link } from '../ui/router.ts';
import { t } from '../ui/t.ts';

export function MoneyScreen() {
  const { balance } = snapshot.value;
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('money')}</Title>
      {balance && (
        <>
          <section class="card stack">
            <div>
              <div class="muted s">{t('balance')}</div>
              <Money amount={balance.totalMicro} currency={balance.currency} big />
            </div>
            <div class="row wrap">
              <Button kind="primary" wide onPress={() => go('top-up')}>
                {t('action_top_up')}
              </Button>
              <Button wide onPress={() => go('sites')}>
                {t('refund_coins')}
              </Button>
            </div>
          </section>
          {balance.brokers.map((broker) => (
            <Broker key={`${broker.brk} ${broker.currency}`} broker={broker} />
          ))}
        </>
      )}
    </>
  );
}

function Broker({ broker }: { broker: BrokerBalance }) {
  const { name, url, test, currency, accountMicro, coinsMicro, heldMicro } = broker;
  return (
    <section class="card stack">
      <div class="row between">
        <h2 class="ell" dir="auto">
          {name}
        </h2>
        {test && <Chip tone="warn">{t('test')}</Chip>}
      </div>
      <dl class="kv s">
        <dt>{t('at_broker')}</dt>
        <dd>
          <Money amount={accountMicro} currency={currency} />
        </dd>
        <dt>{t('method_scrip')}</dt>
        <dd>
          <Money amount={coinsMicro} currency={currency} />
        </dd>
        {heldMicro > 0n && (
          <>
            <dt>{t('set_aside')}</dt>
            <dd>
              <Money amount={heldMicro} currency={currency} />
            </dd>
          </>
        )}
        <dt>{t('address')}</dt>
        <dd>
          <bdi dir="ltr" class="break">
            {new URL(url).host}
          </bdi>
        </dd>
      </dl>
    </section>
  );
}
