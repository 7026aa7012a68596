"""Computes the metrics of `sequences` with DuckDB, from logs like those of shared/data/challenge-csv, and compares them with
those of a set.

Reads IMPRESSIONS, CLICKS, CARTS and ORDERS as CSV, takes the cutoff of the day, UTC, 365 days and 1000 actions, and prints
one JSON object; with OUT, the folder of a set made of them, it says what differs and exits with 1.

    metrics.py DIR SUFFIX [OUT]        metrics.py ../shared/data/challenge-csv _1000 training
"""

import json
import sys

import duckdb

SECONDS = [0, 60, 3600, 21600, 86400, 172800, 259200, 604800, 1209600, 2592000, 5184000, 7776000, 15552000, 31536000]

HISTORIES = """
create table shown as
select row_number() over () as shown_id, cast(dt as date) as day, customer_id,
       from_json(impressions, '[{"item_id": "bigint", "is_order": "boolean"}]') as items
from read_csv('{dir}/impressions{suffix}.csv', header = true, quote = '"', escape = '"');
create table samples as
select shown_id, day, customer_id, unnest(items).is_order as is_order from shown where customer_id is not null;
create table actions as
select customer_id, cast(click_time as timestamp) as happened, 1 as type, item_id as item from read_csv('{dir}/clicks{suffix}.csv')
union all
select customer_id, cast(occurred_at as timestamp), 2, config_id from read_csv('{dir}/add_to_carts{suffix}.csv')
union all
select customer_id, cast(order_date as timestamp), 3, config_id from read_csv('{dir}/previous_orders{suffix}.csv');
create table histories as
select * from (
    select shown_id, day, happened, type, item,
           row_number() over (partition by shown_id order by happened desc, type desc, item desc) as place
    from shown join actions using (customer_id)
    where happened < cast(day as timestamp) and happened >= cast(day - interval 365 days as timestamp))
where place <= 1000;
create table pairs as
select shown_id, happened = older_at and type = older_type and item = older_item as duplicate,
       happened = older_at and (type <> older_type or item <> older_item) as tie
from (select shown_id, happened, type, item, lead(happened) over w as older_at, lead(type) over w as older_type, lead(item) over w as older_item
      from histories window w as (partition by shown_id order by place));
create table facts as
select s.shown_id, s.day, s.is_order, s.customer_id,
       coalesce(h.length, 0) as length,
       epoch(cast(s.day as timestamp) - h.newest) as age
from samples s left join (
    select shown_id, count(*) as length, max(happened) as newest from histories group by shown_id) h using (shown_id);
"""


def metrics(directory, suffix):
    """The metrics of a set of the logs in a folder."""
    db = duckdb.connect()
    for statement in HISTORIES.replace("{dir}", directory).replace("{suffix}", suffix).split(";\n"):
        if statement.strip():
            db.execute(statement)
    one = lambda query: db.execute(query).fetchone()[0]
    samples, actions = one("select count(*) from facts"), one("select sum(length) from facts")
    weighted = lambda what, of: one(f"select coalesce(sum(n), 0) from (select shown_id, count(*) as n from samples group by shown_id) join (select shown_id from {of} where {what}) using (shown_id)")
    types = {str(code): weighted(f"type = {code}", "histories") for code in (1, 2, 3)}
    places = []
    for place in range(1, 11):
        there = {code: weighted(f"type = {code} and place = {place}", "histories") for code in types}
        shares = {"0": (samples - sum(there.values())) / samples}
        places.append(shares | {code: count / samples for code, count in there.items() if count})
    classes = []
    for start, end in zip(SECONDS, SECONDS[1:] + [None]):
        below = f"and age < {end}" if end else ""
        count = one(f"select count(*) from facts where age >= {start} {below}")
        classes.append({"from_seconds": start, "below_seconds": end, "samples": count})
    per_day = "select sum(floor(s)) from (select day, sum(age) as s from facts group by day)"
    return {
        "samples": samples,
        "zero_history_pct": one("select count(*) from facts where length = 0") / samples,
        "avg_history_length": actions / samples,
        "truncated_pct": one("select count(*) from facts where length = 1000") / samples,
        "label_rate": one("select count(*) from facts where is_order") / one("select count(is_order) from facts"),
        "duplicate_actions_pct": weighted("duplicate", "pairs") / actions,
        "tied_actions_pct": weighted("tie", "pairs") / actions,
        "newest_action_age_mean_seconds": one(per_day) / one("select count(age) from facts"),
        "newest_action_age_max_seconds": int(one("select max(age) from facts")),
        "action_type_distribution": {"0": (samples * 1000 - actions) / (samples * 1000)}
        | {code: count / (samples * 1000) for code, count in types.items() if count},
        "real_action_type_distribution": {code: count / actions for code, count in types.items() if count},
        "action_type_frequency_by_position": places,
        "sequence_length_distribution": {
            str(length): count for length, count in db.execute("select length, count(*) from facts group by length order by length").fetchall()},
        "newest_action_age_distribution": classes,
    }


def main():
    directory, suffix, *out = sys.argv[1:]
    expected = metrics(directory, suffix)
    if not out:
        print(json.dumps(expected, indent=1))
        return 0
    found = json.load(open(f"{out[0]}/_metrics.json"))
    wrong = [name for name, value in expected.items() if found[name] != value]
    for name in wrong:
        print(f"FAILED  {name}: DuckDB has {expected[name]}, the set {found[name]}")
    print(f"{len(expected) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
