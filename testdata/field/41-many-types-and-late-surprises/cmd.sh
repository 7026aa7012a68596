. ../env.sh
made out_made in; chk out_made exp_made.json
made out_log in/log
cat > in/j.toml <<'T'
job = "sequences"
max_actions = 5
[sources.impressions]
path = "impressions.ndjson"
[sources.log]
path = "log/events.csv"
columns = { customer_id = "user_id", time = "ts" }
type_column = "event"
types = { view = 1, cart = 2 }
other_types = "error"
T
r sequences --job in/j.toml --out out1
sed -i 's/^types = .*/types = { "Rare B" = 4, cart = 2, rare_a = 5, rare_b = 6, view = 1 }/' in/j.toml; r sequences --job in/j.toml --out out1
sed -i 's/^types = .*/types = { view = 1 }/; s/"error"/"drop"/' in/j.toml; r sequences --job in/j.toml --out out2; [ -d out2 ] && chk out2
