. ../env.sh
r sequences --impressions in/impressions.ndjson --clicks in/clicks.csv --max-actions 5 --with time_delta --item-vocabulary build --on-bad-row quarantine --out out --quiet
r sequences --impressions in/impressions.ndjson --clicks in/clicks.csv --max-actions 5 --layout request --no-pad --keep dt --out out_req --quiet
r sequences --impressions in/impressions.ndjson --clicks in/clicks.csv --max-actions 5 --layout request --no-pad --on-bad-row quarantine --out out_req2 --quiet
$PY ../readers.py out; $PY ../readers.py out_req2
