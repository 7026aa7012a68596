. ../env.sh
$PY -c "
import os
from datetime import date, timedelta
os.makedirs('in', exist_ok=True)
days = [date(2024, 1, 1) + timedelta(k) for k in range(400)]
for day in days: open(f'in/events_{day:%Y%m%d}.csv', 'w').write('user_id,item_id,event,ts\n' + ''.join(f'{i},{i+1},view,{days[day.day % 10]}T00:00:00\n' for i in range(50)))
for n in ('notes.pdf', 'explore.ipynb', 'data.zip', 'model.pkl', '.hidden', 'Makefile'): open('in/' + n, 'wb').write(b'%PDF-1.4 junk ' + n.encode())
"
time made out_made in
echo "SAME $(grep -c '^\[sources' in/job.toml) source, $(grep -c 'left out' in/job.toml) left out"
rm -rf in
