//! Tables whose files are not the table: refused, however a file of them is named.

use std::os::unix::fs::symlink;

use crate::encode::encode;
use crate::shop::{NAMED, Run, Shop, rows, shop};

/// What lies in the folder of a table, and what the message calls it.
const TABLES: [(&[&str], &str); 6] = [
    (&["_delta_log/00000000000000000000.json"], "Delta"),
    (&["metadata/v1.metadata.json", "data/x"], "Iceberg"),
    (
        &["metadata/00000-a.metadata.json", "metadata/snap-1-1-a.avro"],
        "Iceberg",
    ),
    (
        &["metadata/v1.metadata.json", "metadata/version-hint.text"],
        "Iceberg",
    ),
    (&[".hoodie/hoodie.properties"], "Hudi"),
    (&["_spark_metadata/0"], "Spark stream"),
];

/// A shop whose clicks are a table, with a file of it at `clicks/deep/dt=2025-08-14/part-0.csv`.
fn table_shop(markers: &[&str]) -> Shop {
    let shop = shop();
    let text = encode("csv", &rows("clicks"));
    shop.remove("clicks")
        .put("clicks/deep/dt=2025-08-14/part-0.csv", text);
    for marker in markers {
        shop.put(&format!("clicks/{marker}"), "");
    }
    shop
}

/// Runs with some flags that name clicks.
fn run_with(shop: &Shop, flags: &[&str]) -> Run {
    shop.run_bare(&[&NAMED[..], flags].concat())
}

#[test]
fn a_table_is_refused_however_its_files_are_named() {
    for (markers, name) in TABLES {
        let shop = table_shop(markers);
        let said = [name, "shop/clicks\"", "clicks.parquet", "list of its files"];
        shop.refuses(&[], 65, &said);
        shop.refuses(&["--on-bad-row", "quarantine"], 65, &said);
        let file = "shop/clicks/deep/dt=2025-08-14/part-0.csv";
        shop.put("list", format!("{file}\n\n"));
        shop.put("../absolute", shop.root().join(file).display().to_string());
        symlink(shop.path("clicks/deep"), shop.path("linked")).expect("a link");
        symlink(shop.root().join(file), shop.path("file.csv")).expect("a link");
        let absolute = "clicks=shop/../absolute";
        for flags in [
            ["--clicks", "shop/clicks"],
            ["--clicks", file],
            ["--clicks", "shop/clicks/deep"],
            ["--clicks", "shop/clicks/deep/*/*.csv"],
            ["--clicks", "shop/linked"],
            ["--clicks", "shop/file.csv"],
            ["--files-from", "clicks=shop/list"],
            ["--files-from", absolute],
        ] {
            let run = run_with(&shop, &flags);
            run.assert_failed(65, &[name, "could not read"]);
            assert!(!shop.out().exists(), "{flags:?}");
            assert!(!run.stderr.contains("--files-from"), "{}", run.stderr);
        }
    }
}

#[test]
fn a_table_around_the_current_folder_is_seen() {
    for (markers, name) in TABLES {
        let shop = table_shop(markers);
        let mut command = shop.command(&[]);
        command.current_dir(shop.path("clicks/deep"));
        let mut command = std::process::Command::new(command.get_program());
        command.current_dir(shop.path("clicks/deep"));
        command.args(["sequences", "--out", "../../../out", "--impressions"]);
        command.args([
            "../../impressions.ndjson",
            "--clicks",
            "dt=2025-08-14/part-0.csv",
        ]);
        crate::shop::run(&mut command).assert_failed(65, &[name]);
    }
}

#[test]
fn what_a_message_says_is_safe_names_the_table() {
    for (markers, said) in [
        (
            "_delta_log/0.json",
            &[
                "COPY (SELECT * FROM delta_scan('shop/clicks')) TO 'clicks.parquet'",
                "polars.read_delta(\"shop/clicks\").write_parquet(\"clicks.parquet\")",
                "spark.read.format(\"delta\").load(\"shop/clicks\").write.parquet(\"clicks.parquet\")",
            ][..],
        ),
        (
            ".hoodie/x",
            &[
                "spark.read.format(\"hudi\").load(\"shop/clicks\").write.parquet(\"clicks.parquet\")",
            ],
        ),
        (
            "_spark_metadata/0",
            &["spark.read.parquet(\"shop/clicks\").write.parquet(\"clicks.parquet\")"],
        ),
    ] {
        table_shop(&[markers]).refuses(&[], 65, &[said, &["--clicks clicks.parquet"]].concat());
    }
}

#[test]
fn a_folder_that_is_only_called_as_one_of_a_table_is_read() {
    for names in [
        &["../metadata/notes.json", "../data/x"][..],
        &["../metadata/v1.metadata.json"],
        &["../metadata/snap-1.avro", "../data/x"],
        &["_delta_log"],
    ] {
        let shop = table_shop(names);
        shop.made(&[]);
        assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
    }
}
