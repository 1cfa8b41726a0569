import { Approve } from '../screens/approve/approve.tsx';
import { start } from '../ui/start.tsx';

void start('payment_request', () => <Approve />);
