import { Welcome } from '../screens/welcome.tsx';
import { start } from '../ui/start.tsx';

void start('ext_name', () => <Welcome />);
