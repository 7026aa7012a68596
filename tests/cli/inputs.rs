//! Where `verify` and `explain` look for the inputs of a set, and what they say if these are lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shop::{Run, Shop, run, shop};

/// Runs the program in a folder.
fn run_in(folder: impl AsRef<Path>, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    run(command.args(arguments).current_dir(folder))
}

/// Asserts that a run went well.
#[track_caller]
fn went_well(run: &Run) {
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// A path as an argument.
fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

/// The report of the last audit.
fn report(shop: &Shop) -> Value {
    let text = fs::read(shop.out().join("_audit.json")).expect("a report");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn relative_inputs_are_found_from_any_folder() {
    let shop = shop();
    shop.made(&[]);
    let (root, out) = (shop.root().to_owned(), text(&shop.out()));
    let up = format!("../../../../../../../..{out}");
    for (folder, out) in [
        (root.as_path(), "out"),
        (&root.join("shop"), "../out"),
        (&root.join("out"), "."),
        (&root.join("out/dt=2025-08-15"), ".."),
        (Path::new("/"), &out),
        (Path::new("/tmp"), &up),
    ] {
        let run = run_in(folder, &["verify", out]);
        went_well(&run);
        assert!(run.stdout.contains("its rows are right"), "{}", run.stdout);
        went_well(&run_in(folder, &["explain", out, "--ranking-id", "r1"]));
    }
}

#[test]
fn they_are_found_wherever_the_run_was_and_after_a_move() {
    // The run is in a folder below, and its output is elsewhere; then all of it moves.
    let shop = shop();
    let (root, deep) = (shop.root(), shop.root().join("a/b"));
    fs::create_dir_all(&deep).expect("folders");
    let sets = text(&root.join("sets"));
    fs::create_dir(&sets).expect("a folder");
    for out in ["../../sets/near", &format!("{sets}/far")] {
        went_well(&run_in(&deep, &["sequences", "../../shop", "--out", out]));
    }
    for out in ["near", "far"] {
        went_well(&run_in("/", &["verify", &format!("{sets}/{out}")]));
    }
    fs::create_dir(root.join("moved")).expect("a folder");
    for name in ["shop", "sets", "a"] {
        let to = root.join("moved").join(name);
        fs::rename(root.join(name), to).expect("a folder that moves");
    }
    let near = text(&root.join("moved/sets/near"));
    went_well(&run_in("/", &["verify", &near]));
    // Of an output that was named by an absolute path the folder of the run is known as such.
    fs::create_dir_all(&deep).expect("folders");
    fs::rename(root.join("moved/shop"), root.join("shop")).expect("a folder that moves");
    let far = text(&root.join("moved/sets/far"));
    went_well(&run_in("/", &["verify", &far]));
}

#[test]
fn the_same_layout_gives_the_same_manifest_wherever_it_lies() {
    let manifests = [shop(), shop()].map(|shop| {
        shop.made(&[]);
        fs::read(shop.out().join("_manifest.json")).expect("a manifest")
    });
    assert!(manifests[0] == manifests[1]);
    let manifest: Value = serde_json::from_slice(&manifests[0]).expect("JSON");
    assert_eq!(manifest["inputs"][0]["from"], "..");
    // Nothing is said of absolute paths.
    let shop = shop();
    let dir = text(&shop.path(""));
    went_well(&shop.run_bare(&["sequences", &dir, "--out", "out"]));
    let manifest = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["inputs"][0]["from"], Value::Null);
}

#[test]
fn days_that_were_added_from_other_folders_each_know_their_own() {
    let shop = shop();
    fs::create_dir(shop.root().join("night")).expect("a folder");
    let of_day = ["--add-days", "--from", "2025-08-15", "--to", "2025-08-15"];
    shop.run(&of_day);
    // The second night has inputs of the same relative path, which are others.
    let night = shop.root().join("night/shop");
    fs::create_dir(&night).expect("a folder");
    for entry in fs::read_dir(shop.path("")).expect("a folder") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), night.join(entry.file_name())).expect("a copy");
    }
    let more =
        "customer_id,item_id,click_time\n1,77,2025-08-14 09:00:00\n3,21,2025-08-15 10:00:00\n";
    fs::write(night.join("clicks.csv"), more).expect("a file");
    let of_day = ["--add-days", "--from", "2025-08-16", "--to", "2025-08-16"];
    let again = ["sequences", "shop", "--out", "../out", "--max-actions", "4"];
    let folder = shop.root().join("night");
    went_well(&run_in(&folder, &[&again[..], &of_day].concat()));
    let out = text(&shop.out());
    for folder in ["/", &text(&folder)] {
        let run = run_in(folder, &["verify", &out, "--audit-rows", "all"]);
        went_well(&run);
        assert!(run.stdout.contains("5 of 5 rows"), "{}", run.stdout);
    }
}

#[test]
fn inputs_that_are_gone_are_66_and_the_advice_works() {
    let shop = shop();
    shop.made(&[]);
    went_well(&shop.run_bare(&["verify", "out"]));
    assert_eq!(report(&shop)["verdict"], "passed");
    let archive = shop.root().join("archive");
    fs::create_dir(&archive).expect("a folder");
    fs::rename(shop.path(""), archive.join("shop")).expect("a folder that moves");
    let root = shop.root().canonicalize().expect("a folder");
    let said = [
        "the files are sound; rows cannot be audited: its input \"shop/",
        "is gone; looked in ",
        &format!("\"{}\"", root.display()),
        &format!("\"{}\"", root.join("out").display()),
        "--inputs-from DIR",
        "--audit-rows 0",
    ];
    let run = shop.run_bare(&["verify", "out"]);
    run.assert_failed(66, &said);
    assert_eq!(
        run.stderr.matches("is gone").count(),
        5,
        "each, and a sum: {}",
        run.stderr
    );
    let audit = report(&shop);
    assert_eq!(audit["verdict"], "not made");
    let why = audit["why"].as_str().expect("a text");
    for said in &said[..5] {
        assert!(why.contains(said), "no {said:?} in {why}");
    }
    assert_eq!(audit["problems_count"], 4);
    // The files are sound with that report, too, and what the message says helps.
    went_well(&shop.run_bare(&["verify", "out", "--audit-rows", "0"]));
    let explain = ["explain", "out", "--ranking-id", "r1"];
    let said = [
        "nothing in \"out\" can be explained",
        "is gone; looked in",
        "--inputs-from DIR",
    ];
    shop.run_bare(&explain).assert_failed(66, &said);
    let from = ["--inputs-from", "archive"];
    went_well(&shop.run_bare(&[&explain[..], &from].concat()));
    went_well(&shop.run_bare(&[&["verify", "out"][..], &from].concat()));
    assert_eq!(report(&shop)["verdict"], "passed");
    // A folder that is named is the only one that is looked into.
    fs::rename(archive.join("shop"), shop.path("")).expect("a folder that moves");
    let run = shop.run_bare(&[&["verify", "out"][..], &from].concat());
    run.assert_failed(66, &["is gone; looked in \"archive\""]);
    assert!(!run.stderr.contains("--inputs-from DIR"), "{}", run.stderr);
}

#[test]
fn inputs_that_changed_are_66_and_another_file_of_that_name_is_passed_over() {
    let shop = shop();
    shop.made(&[]);
    let clicks = fs::read_to_string(shop.path("clicks.csv")).expect("text");
    // One of the same name around the set is not taken for it.
    fs::create_dir(shop.out().parent().expect("a folder").join("else")).expect("a folder");
    let elsewhere = shop.root().join("else/shop");
    fs::create_dir(&elsewhere).expect("a folder");
    fs::write(elsewhere.join("clicks.csv"), "nothing of the sort").expect("a file");
    let out = text(&shop.out());
    went_well(&run_in(shop.root().join("else"), &["verify", &out]));
    shop.put("clicks.csv", clicks.replace("21", "29"));
    let run = shop.run_bare(&["verify", "out"]);
    let said = [
        "the files are sound; rows cannot be audited: its input",
        "clicks.csv\" has changed: expected ",
        "; --audit-rows 0 leaves them out",
    ];
    run.assert_failed(66, &said);
    assert!(
        !run.stderr.contains("--inputs-from"),
        "it does not help: {}",
        run.stderr
    );
    assert_eq!(report(&shop)["verdict"], "not made");
    shop.run_bare(&["explain", "out", "--ranking-id", "r1"])
        .assert_failed(66, &["clicks.csv\" has changed"]);
}

#[test]
fn parquet_that_cannot_be_read_any_more_has_changed_as_well() {
    let shop = shop();
    shop.made(&[]);
    let orders = shop.path("previous_orders.parquet");
    let mut bytes = fs::read(&orders).expect("a file");
    let tail = bytes.len() - 8;
    let footer = [0, 1, 2, 3].map(|at| bytes[tail + at]);
    let footer = usize::try_from(u32::from_le_bytes(footer)).expect("small");
    bytes[4..tail - footer].fill(0xff);
    fs::write(&orders, bytes).expect("a file");
    let said = ["the files are sound; rows cannot be audited: ", "input"];
    shop.run_bare(&["verify", "out"]).assert_failed(66, &said);
    assert_eq!(report(&shop)["verdict"], "not made");
}

#[test]
fn damaged_files_come_before_lost_inputs() {
    let shop = shop();
    shop.made(&[]);
    fs::remove_dir_all(shop.path("")).expect("a folder to remove");
    let part = shop.out().join("dt=2025-08-15/part-00000.parquet");
    let mut bytes = fs::read(&part).expect("a part");
    bytes[9] ^= 4;
    fs::write(&part, bytes).expect("a part");
    let run = shop.run_bare(&["verify", "out"]);
    run.assert_failed(65, &["part-00000.parquet: expected bytes", "not sound"]);
    for said in ["its input", "audited", "gone"] {
        assert!(!run.stderr.contains(said), "{said:?} in {}", run.stderr);
    }
}
