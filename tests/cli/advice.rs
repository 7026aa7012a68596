//! Every hint that messages end with: the fault that brings it, and the command that follows it.

use serde_json::{Value, json};

use hitherto::advice::Hint;

use crate::encode::encode;
use crate::shop::{Shop, damaged, listing, rows, run, shop};

/// A fault, and what a message advises on it.
struct Case {
    /// The hint.
    hint: Hint,
    /// What is wrong with the shop.
    damage: fn(&Shop),
    /// The command that meets it, behind `hitherto`, with its exit code.
    met: (&'static str, i32),
    /// What the hint has a person change beside the command; nothing if it names flags alone.
    mend: fn(&Shop),
    /// The command that follows it, which ends with 0.
    followed: &'static str,
    /// The rows of the set that it makes.
    rows: usize,
}

/// The command of most cases.
const RUN: &str = "sequences shop --out out --max-actions 4";

/// The same of clicks whose items are texts with several.
const SPLIT_CLICKS: &str = "sequences shop --out out --max-actions 4 --source clicks.explode=item_id --source clicks.item_separator=|";

/// Nothing.
fn nothing(_: &Shop) {}

/// Replaces a source of the shop by its rows with one value of the third row changed.
fn third(shop: &Shop, source: &str, column: &str, value: Value) {
    shop.source(source, "ndjson", &damaged(source, column, value));
}

/// Replaces a source of the shop by its rows with a value of every row changed.
fn every(shop: &Shop, source: &str, format: &str, change: impl Fn(&mut Value)) {
    let mut rows = rows(source);
    rows.iter_mut().for_each(change);
    shop.source(source, format, &rows);
}

/// The clicks with a column under another name.
fn renamed(shop: &Shop, from: &str, to: &str) {
    every(shop, "clicks", "csv", |row| {
        let value = row.as_object_mut().expect("a row").remove(from);
        row[to] = value.expect("a value");
    });
}

/// A click of `features`.
fn click(user: &str, listing: &str) -> Value {
    let id = |text: &str| {
        text.parse()
            .map_or_else(|_| json!(text), |number: i64| json!(number))
    };
    json!({"user_id": id(user), "listing_id": id(listing), "click_ts": "2024-01-09 12:00:00"})
}

/// Ids of all clicks as text.
fn text_customers(shop: &Shop) {
    every(shop, "clicks", "csv", |row| {
        row["customer_id"] = json!(format!("u{}", row["customer_id"]));
    });
    every(shop, "impressions", "ndjson", |row| {
        row["customer_id"] = json!(format!("u{}", row["customer_id"]));
    });
    for source in ["add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
}

/// Times of all clicks as integers of a unit, so many a second.
fn epochs(shop: &Shop, per_second: i64) {
    shop.remove("add_to_carts").remove("previous_orders");
    let clicks = [(1, 21, 1_755_165_600_i64), (2, 23, 1_755_079_200)];
    let clicks: Vec<Value> = clicks
        .iter()
        .map(|(customer, item, s)| json!({"customer_id": customer, "item_id": item, "click_time": s * per_second}))
        .collect();
    shop.source("clicks", "ndjson", &clicks);
}

/// Sets the time of every click.
fn click_times(shop: &Shop, time: &Value) {
    shop.remove("add_to_carts").remove("previous_orders");
    every(shop, "clicks", "csv", |row| {
        row["click_time"] = time.clone();
    });
}

/// A set whose inputs went elsewhere.
fn made_and_moved(shop: &Shop) {
    shop.made(&[]);
    std::fs::create_dir(shop.root().join("archive")).expect("a folder");
    let to = shop.root().join("archive/shop");
    std::fs::rename(shop.path(""), to).expect("a folder that moves");
}

/// The command of clicks alone.
const CLICKS_ONLY: &str = "sequences shop --out out --max-actions 4 --without carts,orders";

/// All cases.
const CASES: &[Case] = &[
    Case {
        hint: Hint::Quarantine,
        damage: |shop| third(shop, "clicks", "click_time", json!("soon")),
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --on-bad-row quarantine",
        rows: 5,
    },
    Case {
        hint: Hint::WholeColumn,
        damage: |shop| {
            every(shop, "clicks", "csv", |row| {
                row["click_time"] = json!("soon");
            });
        },
        met: (RUN, 65),
        mend: |shop| {
            shop.source("clicks", "csv", &rows("clicks"));
        },
        followed: RUN,
        rows: 5,
    },
    Case {
        hint: Hint::MaxBadRows,
        damage: |shop| third(shop, "clicks", "click_time", json!("soon")),
        met: (
            "sequences shop --out out --max-actions 4 --on-bad-row quarantine --max-bad-rows 0",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --on-bad-row quarantine --max-bad-rows 1",
        rows: 5,
    },
    Case {
        hint: Hint::TextCustomers,
        damage: text_customers,
        met: (CLICKS_ONLY, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --without carts,orders --customer-type string",
        rows: 5,
    },
    Case {
        hint: Hint::MixedCustomers,
        damage: |shop| {
            every(shop, "clicks", "parquet", |row| {
                row["customer_id"] = json!(row["customer_id"].to_string());
            });
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --customer-type string",
        rows: 5,
    },
    Case {
        hint: Hint::TextIds,
        damage: |shop| {
            let clicks = [click("u7", "l1")];
            shop.market(&clicks, &[]);
            let impressions = [
                json!({"impression_id": "i", "user_id": "u7", "listing_id": "l1",
                    "impression_ts": "2024-01-10 12:00:00"}),
            ];
            shop.source("impressions", "csv", &impressions);
            shop.put("listings.csv", "listing_id,category,price,created_ts\n");
            shop.remove("listings");
            shop.put(
                "listings.csv",
                "listing_id,category,price,created_ts\nl1,toys,5,2024-01-01\n",
            );
        },
        met: ("features shop --out out", 65),
        mend: nothing,
        followed: "features shop --out out --id-type string",
        rows: 1,
    },
    Case {
        hint: Hint::NullValues,
        damage: |shop| third(shop, "clicks", "customer_id", json!("NULL")),
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --null-values NULL",
        rows: 5,
    },
    Case {
        hint: Hint::WholeNumbers,
        damage: |shop| {
            every(shop, "clicks", "ndjson", |row| {
                row["customer_id"] = json!(row["customer_id"].as_f64());
            });
        },
        met: (
            "sequences shop --out out --max-actions 4 --customer-type string",
            65,
        ),
        mend: |shop| {
            shop.source("clicks", "parquet", &rows("clicks"));
        },
        followed: "sequences shop --out out --max-actions 4 --customer-type string",
        rows: 5,
    },
    Case {
        hint: Hint::TimeFormat,
        damage: |shop| {
            every(shop, "clicks", "csv", |row| {
                let time = row["click_time"].as_str().expect("a text");
                let (date, clock) = (time[..10].split('-'), &time[11..16]);
                let date: Vec<&str> = date.rev().collect();
                row["click_time"] = json!(format!("{}T{clock}", date.join("/")));
            });
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --time-format %d/%m/%YT%H:%M",
        rows: 5,
    },
    Case {
        hint: Hint::LostDigits,
        damage: |shop| third(shop, "clicks", "customer_id", json!("1.2E+08")),
        met: (RUN, 65),
        mend: |shop| third(shop, "clicks", "customer_id", json!(120_000_001)),
        followed: RUN,
        rows: 5,
    },
    Case {
        hint: Hint::WideItems,
        damage: |shop| third(shop, "clicks", "item_id", json!(3_000_000_000_i64)),
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --item-type int64",
        rows: 5,
    },
    Case {
        hint: Hint::Vocabulary,
        damage: |shop| third(shop, "clicks", "item_id", json!(0)),
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --item-vocabulary build",
        rows: 5,
    },
    Case {
        hint: Hint::ItemSeparator,
        damage: |shop| {
            every(shop, "impressions", "csv", |row| {
                row["impressions"] = json!("11|12");
            });
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --source impressions.item_separator=|",
        rows: 8,
    },
    Case {
        hint: Hint::SplitAsText,
        damage: |shop| {
            every(shop, "clicks", "parquet", |row| {
                row["item_id"] = json!(format!("{}|29", row["item_id"]));
            });
        },
        met: (SPLIT_CLICKS, 65),
        mend: |shop| {
            let mut clicks = rows("clicks");
            for row in &mut clicks {
                row["item_id"] = json!(format!("{}|29", row["item_id"]));
            }
            shop.source("clicks", "ndjson", &clicks);
        },
        followed: SPLIT_CLICKS,
        rows: 5,
    },
    Case {
        hint: Hint::ItemLabels,
        damage: |shop| {
            every(shop, "impressions", "ndjson", |row| {
                row["impressions"] = json!([11, 12]);
                row["bought"] = json!([true, false]);
            });
        },
        met: (
            "sequences shop --out out --max-actions 4 --null-label error",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --null-label error --columns impressions.labels=bought",
        rows: 8,
    },
    Case {
        hint: Hint::LabelsOrClicked,
        damage: |shop| {
            every(shop, "impressions", "ndjson", |row| {
                row["impressions"] = json!([11, 12]);
                row["labels"] = json!([true, false]);
                row["clicked"] = json!([11]);
            });
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --columns impressions.labels=labels",
        rows: 8,
    },
    Case {
        hint: Hint::Columns,
        damage: |shop| renamed(shop, "item_id", "sku"),
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --columns clicks.item_id=sku",
        rows: 5,
    },
    Case {
        hint: Hint::GivenName,
        damage: |shop| renamed(shop, "item_id", "sku"),
        met: (
            "sequences shop --out out --max-actions 4 --columns clicks.item_id=skew",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --columns clicks.item_id=sku",
        rows: 5,
    },
    Case {
        hint: Hint::AvailableColumn,
        damage: |shop| {
            every(shop, "clicks", "csv", |row| {
                row["landed"] = json!("2025-08-12");
            });
        },
        met: (
            "sequences shop --out out --max-actions 4 --available clicks=dt",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --available clicks=landed",
        rows: 5,
    },
    Case {
        hint: Hint::DayFrom,
        damage: |shop| {
            let impressions = [json!({"ranking_id": "r", "customer_id": 1,
                    "impressions": [{"item_id": 11, "is_order": true}]})];
            shop.remove("impressions");
            shop.put(
                "impressions/date=2025-08-15/a.ndjson",
                encode("ndjson", &impressions),
            );
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --source impressions.day_from=date={date}",
        rows: 1,
    },
    Case {
        hint: Hint::FolderKeys,
        damage: |shop| {
            renamed(shop, "item_id", "sku");
            let text = std::fs::read(shop.path("clicks.csv")).expect("clicks");
            shop.remove("clicks").put("clicks/item_id=21/a.csv", text);
        },
        met: (RUN, 65),
        mend: |shop| {
            shop.source("clicks", "csv", &rows("clicks"));
        },
        followed: RUN,
        rows: 5,
    },
    Case {
        hint: Hint::ListingLabels,
        damage: |shop| {
            let clicks = [json!({"listing_id": 1, "click_ts": "2024-01-09 12:00:00"})];
            shop.market(&clicks, &[listing(1), listing(2)]);
        },
        met: ("features shop --out out", 65),
        mend: nothing,
        followed: "features shop --out out --label-key listing",
        rows: 2,
    },
    Case {
        hint: Hint::NoLabels,
        damage: |shop| {
            let lists = serde_json::to_string(&rows("impressions")).expect("JSON");
            let lists = lists.replace("is_order", "shown");
            let rows: Vec<Value> = serde_json::from_str(&lists).expect("JSON");
            shop.source("impressions", "ndjson", &rows);
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --no-labels",
        rows: 5,
    },
    Case {
        hint: Hint::OneRowPerListing,
        damage: |shop| {
            let twice = [listing(1), listing(2), listing(1)];
            shop.market(&[click("7", "1")], &twice);
        },
        met: ("features shop --out out", 65),
        mend: |shop| {
            shop.source("listings", "ndjson", &[listing(1), listing(2)]);
        },
        followed: "features shop --out out",
        rows: 2,
    },
    Case {
        hint: Hint::TimeUnit,
        damage: |shop| epochs(shop, 1000),
        met: (CLICKS_ONLY, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --without carts,orders --time-unit ms",
        rows: 5,
    },
    Case {
        hint: Hint::WrittenDay,
        damage: |shop| click_times(shop, &json!(20_250_810)),
        met: (
            "sequences shop --out out --without carts,orders --time-format %d.%m.%Y",
            65,
        ),
        mend: |shop| click_times(shop, &json!("2025-08-10")),
        followed: CLICKS_ONLY,
        rows: 5,
    },
    Case {
        hint: Hint::DayNumbers,
        damage: |shop| click_times(shop, &json!(20_250_810)),
        met: (
            "sequences shop --out out --without carts,orders --time-unit s",
            65,
        ),
        mend: |shop| click_times(shop, &json!("2025-08-10")),
        followed: CLICKS_ONLY,
        rows: 5,
    },
    Case {
        hint: Hint::OtherUnit,
        damage: |shop| epochs(shop, 1000),
        met: (
            "sequences shop --out out --without carts,orders --time-unit us",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --without carts,orders --time-unit ms",
        rows: 5,
    },
    Case {
        hint: Hint::AllowTimes,
        damage: |shop| epochs(shop, 1000),
        met: (
            "sequences shop --out out --without carts,orders --time-unit us",
            65,
        ),
        mend: nothing,
        followed: "sequences shop --out out --without carts,orders --time-unit us --allow-unused",
        rows: 5,
    },
    Case {
        hint: Hint::Zone,
        damage: |shop| {
            third(
                shop,
                "clicks",
                "click_time",
                json!("2025-08-13T12:00:00+02:00"),
            );
        },
        met: (RUN, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --timezone UTC",
        rows: 5,
    },
    Case {
        hint: Hint::Without,
        damage: |shop| {
            shop.remove("clicks");
        },
        met: (RUN, 66),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --without clicks",
        rows: 5,
    },
    Case {
        hint: Hint::NameSource,
        damage: |shop| {
            shop.remove("impressions");
            shop.put("shown.ndjson", encode("ndjson", &rows("impressions")));
        },
        met: (RUN, 66),
        mend: nothing,
        followed: "sequences --impressions shop/shown.ndjson --clicks shop/clicks.csv --out out",
        rows: 5,
    },
    Case {
        hint: Hint::Format,
        damage: |shop| {
            renamed(shop, "customer_id", "who");
            let text = std::fs::read(shop.path("clicks.csv")).expect("clicks");
            shop.put("clicks.log", text)
                .put("impressions.csv", encode("csv", &rows("impressions")));
        },
        met: (
            "sequences --impressions shop/impressions.ndjson --clicks shop/clicks.log --out out",
            65,
        ),
        mend: nothing,
        followed: "sequences --impressions shop/impressions.csv --clicks shop/clicks.log --out out \
                       --format csv --columns clicks.customer_id=who",
        rows: 5,
    },
    Case {
        hint: Hint::AllowUnused,
        damage: |shop| click_times(shop, &json!("2025-08-20")),
        met: (CLICKS_ONLY, 65),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --without carts,orders --allow-unused",
        rows: 5,
    },
    Case {
        hint: Hint::OutputExists,
        damage: |shop| {
            shop.made(&[]);
        },
        met: (RUN, 73),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --overwrite",
        rows: 5,
    },
    Case {
        hint: Hint::DayExists,
        damage: |shop| {
            shop.made(&[]);
        },
        met: ("sequences shop --out out --max-actions 4 --add-days", 73),
        mend: nothing,
        followed: "sequences shop --out out --max-actions 4 --add-days --if-exists replace",
        rows: 5,
    },
    Case {
        hint: Hint::FloatAttribute,
        damage: |shop| {
            every(shop, "clicks", "csv", |row| {
                row["n"] = json!(3_000_000_000_i64);
            });
        },
        met: ("sequences shop --out out --with n:int32", 65),
        mend: nothing,
        followed: "sequences shop --out out --with n:float32",
        rows: 5,
    },
    Case {
        hint: Hint::FloatAttributes,
        damage: |shop| {
            every(shop, "clicks", "parquet", |row| row["price"] = json!(1.5));
        },
        met: ("sequences shop --out out --with price:int32", 65),
        mend: nothing,
        followed: "sequences shop --out out --with price:float32",
        rows: 5,
    },
    Case {
        hint: Hint::InputsFrom,
        damage: made_and_moved,
        met: ("verify out", 66),
        mend: nothing,
        followed: "verify out --inputs-from archive",
        rows: 5,
    },
    Case {
        hint: Hint::FilesOnly,
        damage: made_and_moved,
        met: ("verify out", 66),
        mend: nothing,
        followed: "verify out --audit-rows 0",
        rows: 5,
    },
    Case {
        hint: Hint::WideKept,
        damage: |shop| {
            every(shop, "impressions", "ndjson", |row| {
                row["n"] = json!(3_000_000_000_i64);
            });
        },
        met: ("sequences shop --out out --keep n:int32", 65),
        mend: nothing,
        followed: "sequences shop --out out --keep n:int64",
        rows: 5,
    },
];

/// Hints that no small shop can bring: two billion items, and a column without statistics, of which the
/// unit tests of their modules know; and one that stands in a warning, followed in `zones`.
const ELSEWHERE: [Hint; 3] = [Hint::ManyItems, Hint::TimeUnits, Hint::ZoneOfDays];

/// The words of a hint up to the first that is filled in.
fn words(hint: Hint) -> &'static str {
    hint.text().split('{').next().expect("a first piece")
}

/// Runs a command line in the folder of a shop.
fn hitherto(shop: &Shop, line: &str) -> crate::shop::Run {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hitherto"));
    run(command
        .args(line.split_whitespace())
        .current_dir(shop.root()))
}

/// The rows of the set in a shop.
fn rows_made(shop: &Shop) -> usize {
    let manifest = std::fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let rows = manifest["counts"]["rows"].as_u64().expect("rows");
    usize::try_from(rows).expect("few")
}

#[test]
fn every_hint_works_when_it_is_followed_to_the_letter() {
    for case in CASES {
        let (shop, name) = (shop(), case.hint.name());
        (case.damage)(&shop);
        let met = hitherto(&shop, case.met.0);
        assert_eq!(met.code, case.met.1, "{name}: {}", met.stderr);
        let words = words(case.hint);
        assert!(
            met.stderr.contains(words),
            "{name}: no {words:?} in {}",
            met.stderr
        );
        (case.mend)(&shop);
        let followed = hitherto(&shop, case.followed);
        assert_eq!(followed.code, 0, "{name}: {}", followed.stderr);
        assert_eq!(rows_made(&shop), case.rows, "{name}");
    }
}

#[test]
fn the_cases_know_every_hint() {
    let known: Vec<Hint> = CASES
        .iter()
        .map(|case| case.hint)
        .chain(ELSEWHERE)
        .collect();
    for hint in Hint::ALL {
        assert!(
            known.contains(hint),
            "{} is followed by no case",
            hint.name()
        );
    }
}

#[test]
fn advice_that_would_not_help_is_not_given() {
    for (value, column, absent) in [
        (json!("101.5"), "customer_id", "--customer-type"),
        (json!("NULL"), "customer_id", "--customer-type"),
        (json!("1.2E+08"), "customer_id", "--customer-type"),
        (json!(0), "item_id", "--item-type int64"),
        (json!(-1), "item_id", "--item-type int64"),
        (Value::Null, "item_id", "--item-type int64"),
        (
            json!(9_223_372_036_854_775_808_u64),
            "item_id",
            "--item-type int64",
        ),
        (json!("20250810"), "click_time", "--time-unit"),
        (json!("customer_id"), "customer_id", "--customer-type"),
    ] {
        let shop = shop();
        shop.source("clicks", "csv", &damaged("clicks", column, value.clone()));
        let run = hitherto(&shop, RUN);
        assert_eq!(run.code, 65, "{value}: {}", run.stderr);
        assert!(!run.stderr.contains(absent), "{value}: {}", run.stderr);
    }
}
