//! Job files: what they say, what wins over them, and what they are refused for.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{Run, Shop, entries, shop, snapshot};

/// A shop with a job file.
fn with_job(text: &str) -> Shop {
    let shop = shop();
    shop.put("job.toml", text);
    shop
}

/// Runs `hitherto sequences --job shop/job.toml --out out` and more flags.
fn run_job(shop: &Shop, flags: &[&str]) -> Run {
    let job = ["sequences", "--job", "shop/job.toml", "--out", "out"];
    shop.run_bare(&[&job, flags].concat())
}

/// Runs a job file that must succeed; gives the samples.
#[track_caller]
fn made(shop: &Shop, flags: &[&str]) -> Vec<String> {
    let run = run_job(shop, flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    shop.samples()
}

/// Runs a job file that must be refused.
#[track_caller]
fn refused(text: &str, code: i32, said: &[&str]) {
    let shop = with_job(text);
    let run = run_job(&shop, &[]);
    shop.assert_refused(&run, code, said);
}

#[test]
fn a_key_is_a_flag() {
    let by_flags = shop();
    let flags = ["--no-pad", "--lookback-days", "3", "--date", "2025-08-15"];
    by_flags.made(&flags);
    let text = "dir = '.'\nmax_actions = 4\nno_pad = true\nlookback_days = 3\ndate = 2025-08-15\n";
    let by_keys = with_job(text);
    assert_eq!(made(&by_keys, &[]), by_flags.samples());
}

#[test]
fn a_flag_wins_over_the_key() {
    let by_flags = shop();
    by_flags.made(&["--no-pad", "--from", "2025-08-16"]);
    let text = "dir = '.'\nmax_actions = 1\nno_pad = true\ndate = '2025-08-15'\nout = 'nowhere'\n";
    let by_keys = with_job(text);
    let found = made(&by_keys, &["--max-actions", "4", "--from", "2025-08-16"]);
    assert_eq!(found, by_flags.samples());
}

#[test]
fn sources_are_read_by_their_own_settings() {
    let shop = with_job(
        "dir = '.'\nmax_actions = 4\nno_pad = true\ntimezone = 'Asia/Tokyo'\n\
         [sources.clicks]\ntime_unit = 'ms'\nnull_values = 'NULL'\n\
         [sources.carts]\ntime_unit = 's'\n\
         [sources.orders]\ntimezone = 'UTC'\n",
    );
    // Days begin at 15:00 UTC of the day before: 1755183600 is the start of 2025-08-15.
    shop.replace(
        "clicks",
        "csv",
        "customer_id,item_id,click_time\n1,21,1755183599999\n1,22,1755183600000\nNULL,23,1755183599000\n",
    );
    shop.replace(
        "add_to_carts",
        "csv",
        "customer_id,config_id,simple_id,occurred_at\n1,31,7,1755183598\n1,32,7,1755183600\n",
    );
    shop.replace(
        "previous_orders",
        "csv",
        "customer_id,config_id,simple_id,occurred_at,order_date\n\
         1,41,7,2025-08-14 14:59:57,2025-08-14\n1,42,7,2025-08-14 15:00:00,2025-08-14\n",
    );
    let found = made(&shop, &[]);
    assert_eq!(found[0], "r1 0 11 true [21, 31, 41]");
    let manifest = fs::read_to_string(shop.out().join("_manifest.json")).expect("a manifest");
    let own = r#""source_settings": {
      "clicks": {
        "time_unit": "ms",
        "null_values": [
          "NULL"
        ]
      },"#;
    let squeezed = |text: &str| text.replace([' ', '\n'], "");
    assert!(squeezed(&manifest).contains(&squeezed(own)), "{manifest}");
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);

    // The set again, from its manifest, which `job show` prints too.
    let again = ["sequences", "--job", "out/_manifest.json", "--out", "again"];
    assert_eq!(shop.run_bare(&again).code, 0);
    let bytes = |set: &str| fs::read(shop.root().join(set).join("_manifest.json")).expect("it");
    assert_eq!(bytes("out"), bytes("again"));
    let shown = shop.run_bare(&["job", "show", "out/_manifest.json"]).stdout;
    assert!(
        shown.contains("time_unit = \"ms\"\nnull_values = [\"NULL\"]\n"),
        "{shown}"
    );

    // The command line wins, and the advice on a unit that does not fit can be followed.
    fs::remove_dir_all(shop.out()).expect("a set");
    let wrong = run_job(&shop, &["--source", "clicks.time_unit=us"]);
    wrong.assert_failed(65, &["--source clicks.time_unit=ms reads them as"]);
    for (flag, said) in [
        ("listings.time_unit=ms", "listings"),
        ("clicks.timezone=Mars", "--source clicks.timezone takes"),
        ("clicks.unit=ms", "no setting of a source"),
    ] {
        run_job(&shop, &["--source", flag]).assert_failed(2, &[said]);
    }
}

#[test]
fn files_that_flags_name_win_over_those_of_the_job() {
    let text = "no_pad = true\n[sources.impressions]\npath = 'impressions.ndjson'\n\
                [sources.clicks]\npath = 'none.csv'\n";
    let shop = with_job(text);
    let found = made(&shop, &["--clicks", "shop/clicks.csv"]);
    assert_eq!(found[0], "r1 0 11 true [21]");
    // A folder puts all paths out of force.
    let run = shop.run_bare(&[
        "sequences",
        "shop",
        "--job",
        "shop/job.toml",
        "--out",
        "out",
        "--overwrite",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41]");
}

#[test]
fn any_number_of_logs_with_types_choices_and_an_embargo() {
    let text = "no_pad = true\n\
        [sources.impressions]\npath = 'impressions.ndjson'\n\
        [sources.log]\npath = ['log.ndjson', 'more*.json']\n\
        columns = { customer_id = 'who', item_id = 'what', time = 'at', time_else = 'on' }\n\
        type_column = 'type'\ntypes = { see = 127, buy = 3 }\nother_types = 'drop'\n\
        where = { type = ['see', 'buy', 'hum'], ok = true }\nembargo = '1h'\n\
        [sources.clicks]\npath = 'clicks.csv'\ntype = 9\n";
    let shop = with_job(text);
    let row = |what: i64, at: &str, action_type: &str, ok: bool| json!({"who": 1, "what": what, "at": at, "on": "2025-08-01", "type": action_type, "ok": ok});
    let mut rows = [
        row(1, "2025-08-14 22:00:00", "see", true),
        row(2, "2025-08-14 23:00:00", "see", true),
        row(3, "2025-08-14 21:00:00", "buy", true),
        row(4, "2025-08-14 20:00:00", "see", false),
        row(0, "no time", "hum", true),
        row(0, "no time", "cough", true),
        row(5, "2025-08-14 19:00:00", "buy", true),
    ];
    rows[6]["at"] = json!(null);
    shop.put("log.ndjson", encode("ndjson", &rows[..4]));
    shop.put("more.json", encode("json", &rows[4..]));
    let found = made(&shop, &[]);
    assert_eq!(found[0], "r1 0 11 true [1, 3, 21, 5]");
    let verify = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verify.code, 0, "{}", verify.stderr);
    let manifest = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let log = &manifest["actions"]["log"];
    assert_eq!(
        (&log["rows"], &log["filtered"], &log["without_code"]),
        (&json!(7), &json!(2), &json!(1))
    );
    let types = &manifest["actions"]["types_in_histories"];
    assert_eq!(types, &json!({"3": 2, "9": 3, "127": 2}));
    let explain = shop.run_bare(&["explain", "out", "--ranking-id", "r1"]);
    assert!(
        explain.stdout.contains("log 127") && explain.stdout.contains("embargo"),
        "{explain:?}"
    );
}

#[test]
fn a_gate_may_ask_for_the_missing_days_of_a_declared_log() {
    let shop = with_job(
        "[sources.impressions]\npath = 'impressions.ndjson'\n\
         [sources.log]\npath = 'log'\ntype = 7\n",
    );
    let row = json!({"customer_id": 1, "item_id": 1, "time": "2025-08-10 12:00:00"});
    for day in ["10", "13"] {
        let name = format!("log/dt=2025-08-{day}/a.ndjson");
        shop.put(&name, encode("ndjson", std::slice::from_ref(&row)));
    }
    let run_with_gate = |gate| run_job(&shop, &["--date", "2025-08-15", "--fail-if", gate]);
    run_with_gate("missing_days(clicks)>0").assert_failed(2, &["\"clicks\"", "impressions, log"]);
    let said = ["missing_days(log) is 3", "missing_days(log)>2"];
    run_with_gate("missing_days(log)>2").assert_failed(3, &said);
    let run = run_with_gate("missing_days(log)>3");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_type_without_a_code_is_a_bad_row() {
    let text = "[sources.impressions]\npath = 'impressions.ndjson'\n\
                [sources.log]\npath = 'log.EXT'\ntype_column = 'type'\ntypes = { see = 1 }\n";
    let row = |action_type: &str| json!({"customer_id": 1, "item_id": 5, "time": "2025-08-01", "type": action_type});
    for format in ["csv", "ndjson", "json", "parquet"] {
        let shop = with_job(&text.replace("EXT", format));
        shop.put(
            &format!("log.{format}"),
            encode(format, &[row("see"), row("buy")]),
        );
        let said = ["row 2", "\"type\"", "\"see\"", "\"buy\"", "other_types"];
        shop.assert_refused(&run_job(&shop, &[]), 65, &said);
    }
}

#[test]
fn the_message_about_a_type_lists_all_that_have_no_code() {
    let text = "[sources.impressions]\npath = 'impressions.ndjson'\n\
                [sources.log]\npath = 'log.EXT'\ntype_column = 'type'\nwhere = { on = [1] }\n\
                types = { see = 1, \"a b\" = 3 }\n";
    let row = |customer: i64, on: u8, action_type: Value| json!({"customer_id": customer, "item_id": 5, "time": "2025-08-01", "type": action_type, "on": on});
    let rows = [
        row(1, 1, json!("see")),
        row(1, 1, json!("buy")),
        row(9, 1, json!("Give back")),
        row(1, 1, json!("buy")),
        row(1, 1, Value::Null),
        row(1, 0, json!("left out")),
    ];
    for format in ["csv", "ndjson", "parquet"] {
        let shop = with_job(&text.replace("EXT", format));
        shop.put(&format!("log.{format}"), encode(format, &rows));
        let run = run_job(&shop, &[]);
        let said = [
            "row 2",
            "in all its rows, \"log\" has without a code: \"buy\" (2), null (1), \"Give back\" (1)",
            "types = { \"a b\" = 3, \"see\" = 1, \"buy\" = 2, \"Give back\" = 4 }",
        ];
        shop.assert_refused(&run, 65, &said);
        assert!(!run.stderr.contains("left out\" ("), "{}", run.stderr);
        // The line works as it stands, and drops the null.
        let keys = said[2].to_owned() + "\nother_types = \"drop\"\n";
        let lines = text.replace("EXT", format);
        let lines = lines.lines().filter(|line| !line.starts_with("types"));
        let lines: Vec<&str> = lines.collect();
        shop.put("job.toml", lines.join("\n") + "\n" + &keys);
        made(&shop, &[]);
    }
}

#[test]
fn a_manifest_makes_the_same_set_once_more() {
    let text = "no_pad = true\nguest_ids = [0, -1]\n\
        [sources.impressions]\npath = 'impressions.ndjson'\n\
        [sources.log]\npath = 'log.csv'\ntype_column = 'k'\ntypes = { a = 3, b = 8 }\n\
        where = { k = ['a', 'b'] }\nembargo = '2h'\navailable = 'known'\n\
        columns = { item_id = 'what' }\n";
    let row = |item: i64, action_type: &str| {
        let (at, known) = ("2025-08-14 12:00:00", "2025-08-14 13:00:00");
        json!({"customer_id": 1, "what": item, "time": at, "k": action_type, "known": known})
    };
    let declared = with_job(text);
    declared.put(
        "log.csv",
        encode("csv", &[row(5, "a"), row(6, "b"), row(7, "c")]),
    );
    assert_eq!(made(&declared, &[])[0], "r1 0 11 true [6, 5]");
    let usual = shop();
    usual.made(&[
        "--embargo",
        "orders=1d,clicks=1h",
        "--columns",
        "orders.config_id=config_id,clicks.item_id=item_id,orders.occurred_at=occurred_at",
    ]);
    for shop in [declared, usual] {
        let first = snapshot(&shop.out());
        let job = [
            "sequences",
            "--job",
            "before/_manifest.json",
            "--out",
            "out",
        ];
        fs::rename(shop.out(), shop.root().join("before")).expect("to move");
        let run = shop.run_bare(&job);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(snapshot(&shop.out()), first);
        let day = [
            "sequences",
            "--job",
            "before/dt=2025-08-15/_manifest.json",
            "--out",
            "no",
        ];
        shop.run_bare(&day).assert_failed(2, &["of one day"]);
    }
}

#[test]
fn what_is_shown_is_a_job_file_of_the_same_job() {
    let text = "dir = 'shop'\nout = 'out'\nmax_actions = 4\ncodec = 'none'\nguest_ids = ['0']\n\
        [sources.clicks]\ncolumns = { item_id = 'item_id' }\nembargo = '90m'\n\
        [sources.previous]\ntype = 5\ncolumns = { time = 'a \"quoted\" \\ name' }\n";
    let shop = shop();
    fs::write(shop.root().join("job.toml"), text).expect("a file");
    let printed = shop.run_bare(&["job", "show", "job.toml"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    for line in [
        "max_actions = 4",
        "lookback_days = 365",
        "embargo = \"5400s\"",
        "type = 5",
    ] {
        assert!(
            printed.stdout.contains(line),
            "no {line} in {}",
            printed.stdout
        );
    }
    fs::write(shop.root().join("again.toml"), &printed.stdout).expect("a file");
    let again = shop.run_bare(&["job", "show", "again.toml"]);
    assert_eq!(
        (again.code, &again.stdout),
        (0, &printed.stdout),
        "{}",
        again.stderr
    );
}

#[test]
fn other_jobs_have_job_files_too() {
    let shop = shop();
    let events = "timestamp,account,event,flyer_id,merchant_id\n\
                  2025-08-15T10:00:00Z,u,flyer_open,f,m\n2025-08-15T10:01:00Z,u,item_open,f,m\n";
    shop.put("events.csv", events);
    let text = "job = 'dwell'\nmethod = 'session'\nidle_timeout = '10m'\n\
                [sources.events]\npath = 'events.csv'\ncolumns = { user_id = 'account' }\n";
    shop.put("job.toml", text);
    let run = shop.run_bare(&["dwell", "--job", "shop/job.toml", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let table = fs::read_to_string(shop.out().join("user_merchant.csv")).expect("a table");
    assert!(table.contains("u,m,2025-08-15,60"), "{table}");
    let again = ["dwell", "--job", "out/_manifest.json", "--out", "again"];
    assert_eq!(shop.run_bare(&again).code, 0);
    let parts = |name: &str| fs::read(shop.root().join(name).join("user_merchant.parquet"));
    assert_eq!(
        parts("again").expect("a table"),
        parts("out").expect("a table")
    );
    run_job(&shop, &[]).assert_failed(2, &["a job of dwell, not of sequences"]);
    shop.put("f.toml", "[sources.clicks]\npath = 'c'\nembargo = '1h'\n");
    let features = ["features", "--job", "shop/f.toml", "--out", "no"];
    shop.run_bare(&features)
        .assert_failed(2, &["clicks take path"]);
}

#[test]
fn what_a_job_file_is_refused_for() {
    let log = "[sources.impressions]\npath = 'i'\n[sources.log]\npath = 'l'\n";
    let with_log = |lines: &str| format!("{log}{lines}");
    let cases: [(String, &[&str]); 21] = [
        (
            "max_action = 4\n".into(),
            &[
                "job.toml\" line 1",
                "max_action",
                "did you mean \"max_actions\"",
            ],
        ),
        (
            "\nxyzzy = 4\n".into(),
            &["line 2", "xyzzy", "max_actions", "sources"],
        ),
        (
            "cutoff = 'noon'\n".into(),
            &["line 1", "cutoff", "noon", "day"],
        ),
        ("max_actions = 'many'\n".into(), &["line 1", "many"]),
        (
            "no_pad = 1\n".into(),
            &["line 1", "no_pad", "true or false"],
        ),
        ("clicks = 'x'\n".into(), &["line 1", "[sources.NAME]"]),
        (
            "job = 'sequence'\n".into(),
            &["line 1", "sequence", "dwell"],
        ),
        ("days = ['today']\n".into(), &["line 1", "days"]),
        (
            "job = 'sequences'\ndir = '.'\n[sources.clicks]\npath = 'x'\n".into(),
            &["line 2", "[sources.clicks]", "dir"],
        ),
        ("a = \n".into(), &["line 1"]),
        ("a = 1\na = 2\n".into(), &["line 2", "a"]),
        ("cutoff = { a = 1 }\n".into(), &["line 1", "table"]),
        ("[sources.'a b']\ntype = 1\n".into(), &["a b", "letters"]),
        (with_log(""), &["log need", "type_column"]),
        (with_log("type = 0\n"), &["line 5", "1 to 127"]),
        (
            with_log("type = 1\ntype_column = 'x'\n"),
            &["log take", "type_column"],
        ),
        (
            with_log("type_column = 'x'\ntypes = {}\n"),
            &["no value with a code"],
        ),
        (
            with_log("type = 1\nembargo = '1w'\n"),
            &["line 6", "embargo", "1w"],
        ),
        (with_log("typ = 1\n"), &["line 5", "did you mean \"type\""]),
        (
            with_log("type = 1\ncolumns = { item = 'x' }\n"),
            &["log have no column \"item\"", "item_id"],
        ),
        (
            "[sources.impressions]\npath = 'i'\nembargo = '1h'\n".into(),
            &["line 3", "embargo", "columns"],
        ),
    ];
    for (text, said) in cases {
        refused(&text, 2, said);
    }
}

#[test]
fn a_job_file_that_is_none_is_refused() {
    let shop = shop();
    let none = ["sequences", "--job", "none.toml", "--out", "out"];
    shop.assert_refused(&shop.run_bare(&none), 66, &["none.toml"]);
    shop.put("no.json", "{\"made_by\": \"somebody\"}");
    let alien = ["sequences", "--job", "shop/no.json", "--out", "out"];
    shop.assert_refused(&shop.run_bare(&alien), 2, &["made_by"]);
    let no_out = ["sequences", "--job", "shop/job.toml"];
    shop.put("job.toml", "dir = '.'\n");
    shop.assert_refused(&shop.run_bare(&no_out), 2, &["--out"]);
}

/// Copies a dataset of `testdata`, without its job file, into the root of a shop.
fn copy(shop: &Shop, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    fs::create_dir(shop.root().join(name)).expect("a folder");
    for file in entries(&from) {
        let to = file.file_name().expect("a file");
        if to != "job.toml" {
            fs::copy(&file, shop.root().join(name).join(to)).expect("a copy");
        }
    }
}

#[test]
fn a_first_job_file_runs() {
    for name in ["otto", "retailrocket", "rees46"] {
        let shop = shop();
        copy(&shop, name);
        let init = shop.run_bare(&["job", "init", name]);
        assert_eq!(
            (init.code, init.stdout.as_str()),
            (0, ""),
            "{}",
            init.stderr
        );
        let path = format!("{name}/job.toml");
        let text = fs::read_to_string(shop.root().join(&path)).expect("a job file");
        assert!(
            text.contains("# guess: by the values of the first records"),
            "{text}"
        );
        let flags = ["--out", "out", "--max-actions", "20", "--overwrite"];
        let run = |job: &str| {
            let run = shop.run_bare(&[&["sequences", "--job", job][..], &flags].concat());
            assert_eq!(run.code, 0, "{job}: {}\n{text}", run.stderr);
            shop.samples()
        };
        let made = run(&path);
        let by_hand = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(&path);
        let by_hand = run(by_hand.to_str().expect("text"));
        match name {
            // It has a type that the job by hand leaves out.
            "rees46" => assert!(text.contains("\"remove_from_cart\" = 4"), "{text}"),
            _ => assert_eq!(made, by_hand, "{text}"),
        }
        shop.run_bare(&["job", "init", name])
            .assert_failed(73, &["job.toml", "it exists"]);
    }
    shop()
        .run_bare(&["job", "init", "none"])
        .assert_failed(66, &["none"]);
}

#[test]
fn a_first_job_file_says_what_it_could_not_guess() {
    let shop = shop();
    shop.put("log.ndjson", "{\"x\": 1, \"when\": \"2025-08-01\"}\n");
    shop.put("notes.bin", [0, 159, 146, 150]);
    shop.put("_hidden.csv", "a\n1\n");
    let init = shop.run_bare(&["job", "init", "shop"]);
    assert_eq!(init.code, 0, "{}", init.stderr);
    let text = fs::read_to_string(shop.path("job.toml")).expect("a job file");
    for said in [
        "[sources.impressions]",
        "[sources.clicks]\npath = \"clicks.csv\"\n",
        "[sources.carts]\npath = \"add_to_carts.json\"\n",
        "[sources.orders]\npath = \"previous_orders.parquet\"\n",
        "# log.ndjson is left out: it is no log of a customer and an item; columns x, when",
        "# notes.bin is left out: ",
    ] {
        assert!(text.contains(said), "no {said:?} in {text}");
    }
    assert!(!text.contains("hidden"), "{text}");
}
