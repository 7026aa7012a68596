. ../env.sh
for f in parallel clickedlist map; do seq_ --impressions in/$f.parquet --clicks in/clicks.csv --out out_$f; [ -d out_$f ] && chk out_$f; done
seq_ --impressions in/parallel.parquet --clicks in/clicks.csv --columns impressions.impressions=items --out out_p; [ -d out_p ] && chk out_p
for f in listint.parquet listint.csv; do seq_ --impressions in/$f --clicks in/clicks.csv --out out_1_$f; done
for f in listint.parquet listint.csv; do seq_ --impressions in/$f --clicks in/clicks.csv --null-label keep --out out_$f; chk out_$f in/exp_null.json; done
for f in flat.csv flat.parquet; do seq_ --impressions in/$f --clicks in/clicks.csv --columns impressions.is_order=clicked --out out_$f; chk out_$f; done
for f in flat.csv parallel.parquet pipe.csv; do mkdir -p in/$f.d; cp in/$f in/clicks.csv in/$f.d/; made out_made_$f in/$f.d; done
chk out_made_flat.csv; chk out_made_parallel.parquet; chk out_made_pipe.csv in/exp_null.json
seq_ --impressions in/pipe.csv --clicks in/clicks.csv --null-label keep --out out_2
seq_ --impressions in/pipe.csv --clicks in/clicks.csv --null-label keep --source impressions.item_separator='|' --out out_3; chk out_3 in/exp_null.json
seq_ --impressions in/comma.csv --clicks in/clicks.csv --null-label keep --out out_4
seq_ --impressions in/comma.csv --clicks in/clicks.csv --null-label keep --source impressions.item_separator=',' --out out_5; chk out_5 in/exp_null.json
