. ../env.sh
for f in in/c/*.parquet; do seq_ --impressions in/impressions.ndjson --clicks $f --out out_c; [ -d out_c ] && chk out_c; rm -rf out_c; done
for f in in/i/*.parquet; do seq_ --impressions $f --clicks in/clicks.csv --out out_i; e=exp_$(basename $f .parquet).json; [ -f $e ] || e=../base_exp.json; [ -d out_i ] && chk out_i $e; rm -rf out_i; done
