// How far the stream of this page has come, and how far it may go.
import type { Currency } from '@farthing/protocol';
import { formatExact, Money } from '../../ui/money.tsx';
import { Meter } from '../../ui/parts.tsx';
import { t, tx } from '../../ui/t.ts';
import { units } from '../../ui/units.tsx';
import type { StreamView } from '../../view.ts';

export function StreamMeter({ stream, currency }: { stream: StreamView; currency: Currency }) {
  const { unit, spentMicro, limitMicro } = stream;
  const limit = <Money amount={limitMicro} currency={currency} />;
  return (
    <div class="stack close">
      <Meter
        label={t('spent_of_limit')}
        part={spentMicro}
        whole={limitMicro}
        text={formatExact(spentMicro, currency)}
      />
      <div class="muted s">{tx('stream_so_far', { units: units(unit, stream.units), limit })}</div>
    </div>
  );
}
