//! Arrow IPC from outside: files and streams as every source, by content and by name, and what is refused.

use crate::encode::{encode, gz};
use crate::shop::{SOURCES, rows, shop};

#[test]
fn every_source_may_be_a_file_or_a_stream() {
    let plain = shop();
    plain.made(&[]);
    for (format, name) in [
        ("arrow", "arrow"),
        ("arrow", "feather"),
        ("arrows", "arrows"),
    ] {
        let shop = shop();
        for (source, _) in SOURCES {
            shop.replace(source, name, encode(format, &rows(source)));
        }
        for flags in [&[][..], &["--format", "arrow"]] {
            shop.made(flags);
            assert_eq!(shop.samples(), plain.samples(), "{name}");
            let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(verified.code, 0, "{}", verified.stderr);
            std::fs::remove_dir_all(shop.out()).expect("our own folder");
        }
    }
}

#[test]
fn content_tells_what_the_name_does_not() {
    for format in ["arrow", "arrows"] {
        let shop = shop();
        shop.remove("clicks")
            .put("log/clicks", encode(format, &rows("clicks")));
        let flags = [
            "sequences",
            "--out",
            "out",
            "--impressions",
            "shop/impressions.ndjson",
        ];
        let run = shop.run_bare(&[&flags[..], &["--clicks", "shop/log/clicks"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

#[test]
fn another_format_is_not_taken_for_arrow_nor_arrow_for_another() {
    for format in ["arrow", "arrows"] {
        let shop = shop();
        shop.replace("clicks", "csv", encode(format, &rows("clicks")));
        let settings = ["--source", "clicks.format=csv"];
        shop.refuses(&settings, 65, &["shop/clicks.csv", "this is Arrow IPC"]);
    }
    let shop = shop();
    let settings = ["--source", "clicks.format=arrow"];
    shop.refuses(
        &settings,
        65,
        &["shop/clicks.csv", "expected Arrow IPC, found"],
    );
    shop.replace("clicks", "arrow.gz", gz(&encode("arrow", &rows("clicks"))));
    shop.refuses(
        &[],
        65,
        &[
            "shop/clicks.arrow.gz",
            "Arrow IPC, compressed by gzip",
            "gzip -d",
        ],
    );
}

#[test]
fn what_is_cut_short_is_refused() {
    for format in ["arrow", "arrows"] {
        let shop = shop();
        let bytes = encode(format, &rows("clicks"));
        shop.replace("clicks", format, &bytes[..bytes.len() - 4]);
        shop.refuses(
            &[],
            65,
            &[&format!("shop/clicks.{format}"), "it was cut short"],
        );
    }
}

#[test]
fn a_file_without_rows_or_bytes_has_no_rows() {
    for (format, bytes) in [
        ("arrow", encode("arrow", &rows("clicks"))[..0].to_vec()),
        ("arrows", Vec::new()),
    ] {
        let shop = shop();
        shop.replace("clicks", format, bytes);
        let run = shop.run(&["--allow-unused"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}
