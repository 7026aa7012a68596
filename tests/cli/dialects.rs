//! Text files as they come: delimiters, headers, comments, escapes, encodings and compressions.

use std::io::Write;

use crate::shop::{Shop, shop};

/// The clicks of the shop, as plain CSV.
const CLICKS: &str = "customer_id,item_id,click_time\n1,21,2025-08-14 10:00:00\n9,22,2025-08-14 11:00:00\n\
                      2,23,2025-08-13 12:00:00\n1,24,2025-08-15 13:00:00\n";

/// A shop whose clicks are in a file of this name.
fn with_clicks(name: &str, bytes: impl AsRef<[u8]>) -> Shop {
    let shop = shop();
    shop.remove("clicks").put(name, bytes);
    shop
}

/// Asserts that clicks in a file of this name give the rows of plain ones, and that `verify` agrees.
#[track_caller]
fn is_read(name: &str, bytes: impl AsRef<[u8]>, flags: &[&str]) {
    let plain = shop();
    plain.made(&[]);
    let shop = with_clicks(name, bytes);
    shop.made(flags);
    assert_eq!(shop.samples(), plain.samples(), "{name}");
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{name}: {}", verified.stderr);
    // Dealt to shards, it is the same text.
    crate::buckets::are_dealt(&shop, flags, 3);
}

/// The clicks with another delimiter.
fn by(delimiter: &str) -> String {
    CLICKS.replace(',', delimiter)
}

/// The clicks without the header.
fn headerless() -> String {
    CLICKS.split_once('\n').expect("lines").1.to_owned()
}

#[test]
fn the_delimiter_is_found_in_the_header_or_given() {
    for (name, delimiter) in [
        ("clicks.tsv", "\t"),
        ("clicks.csv", ";"),
        ("clicks.psv", "|"),
        ("clicks.dat", "::"),
        ("clicks.txt", "\t"),
    ] {
        is_read(name, by(delimiter), &[]);
    }
    is_read("clicks.csv", format!("sep=;\r\n{}", by(";")), &[]);
    for (delimiter, flag) in [("^", "^"), ("~~", "~~"), ("\t", "tab"), ("¦", "¦")] {
        let flag = format!("clicks.delimiter={flag}");
        is_read("clicks.csv", by(delimiter), &["--source", &flag]);
    }
}

#[test]
fn columns_of_a_file_without_a_header_are_given() {
    let header = ["--source", "clicks.header=customer_id,item_id,click_time"];
    for delimiter in [",", "\t", "::"] {
        let text = headerless().replace(',', delimiter);
        let shop = with_clicks("clicks.csv", &text);
        let mut advice = "--source clicks.header=c1,c2,c3".to_owned();
        match delimiter {
            "," => {}
            "\t" => advice += " --source clicks.delimiter=tab",
            other => advice += &format!(" --source clicks.delimiter='{other}'"),
        }
        let first = text.split_once('\n').expect("lines").0.replace('\t', "\\t");
        shop.refuses(&[], 65, &["it has no header", &first, &advice]);
        is_read("clicks.csv", &text, &header);
    }
    is_read("clicks.dat", headerless().replace(',', "::"), &header);
    let one_row = with_clicks("clicks.csv", "1,21,2025-08-14 10:00:00\n");
    one_row.made(&header);
    let shop = with_clicks("clicks.csv", CLICKS);
    shop.refuses(
        &header,
        65,
        &["its first line is the header", "leave clicks.header out"],
    );
    let other = ["--source", "clicks.header=user,item,time"];
    let shop = with_clicks("clicks.csv", headerless());
    shop.refuses(
        &other,
        65,
        &["expected a column \"customer_id\"", "user,item,time"],
    );
}

#[test]
fn a_row_is_not_taken_for_a_header() {
    let shop = with_clicks("clicks.csv", headerless());
    let columns = "clicks.customer_id=1,clicks.item_id=21,clicks.click_time=2025-08-14 10:00:00";
    let said = ["is a row", "--source clicks.header=c1,c2,c3"];
    shop.refuses(&["--columns", columns], 65, &said);
    // Programs number columns that have no names.
    let text = format!("0,1,2\n{}", headerless());
    let columns = "clicks.customer_id=0,clicks.item_id=1,clicks.click_time=2";
    is_read("clicks.csv", text, &["--columns", columns]);
}

#[test]
fn names_are_found_in_any_case_and_without_blanks() {
    for header in [
        "CUSTOMER_ID,ITEM_ID,CLICK_TIME",
        "customer_id, item_id ,\tclick_time",
        "\"customer_id\", \"Item_Id\",\"click_time\"",
        "customer_id,item_id,click_time,ITEM_ID",
    ] {
        let mut text = headerless();
        if header.ends_with(",ITEM_ID") {
            text = text.replace('\n', ",x\n");
        }
        is_read("clicks.csv", format!("{header}\n{text}"), &[]);
    }
    let text = headerless().replace('\n', ",5\n");
    let shop = with_clicks(
        "clicks.csv",
        format!("customer_id,ITEM_ID,click_time,Item_id\n{text}"),
    );
    shop.refuses(
        &[],
        65,
        &["\"ITEM_ID\" and \"Item_id\" differ in case alone"],
    );
    let blanks = CLICKS.replace(',', " ,\t ").replace('\n', " \n");
    is_read("clicks.csv", blanks, &[]);
}

#[test]
fn json_that_is_read_as_csv_is_refused_with_its_format() {
    let shop = shop();
    for (format, flag) in [("ndjson", "ndjson"), ("json", "json")] {
        shop.source("impressions", format, &crate::shop::rows("impressions"));
        for source in ["clicks", "add_to_carts", "previous_orders"] {
            shop.source(source, "csv", &crate::shop::rows(source));
        }
        let advice = format!("impressions.format={flag}");
        shop.refuses(&["--format", "csv"], 65, &[&format!("--source {advice}")]);
        shop.made(&["--format", "csv", "--source", &advice]);
        std::fs::remove_dir_all(shop.out()).expect("a set");
    }
}

#[test]
fn a_delimiter_behind_each_row_is_named_and_quarantine_is_not_advised() {
    let rows = CLICKS.split_once('\n').expect("a header").1;
    let text = format!(
        "customer_id,item_id,click_time\n{}",
        rows.replace('\n', ",\n")
    );
    let shop = with_clicks("clicks.csv", text);
    let said = [
        "row 1",
        "a delimiter at the end",
        "no row of the file is right",
    ];
    let run = shop.refuses(&[], 65, &said);
    assert!(!run.stderr.contains("quarantine"), "{}", run.stderr);
    let one = format!("{CLICKS}1,21,2025-08-14 10:00:00,\n");
    let run = with_clicks("clicks.csv", one).refuses(&[], 65, &["a delimiter at the end"]);
    assert!(run.stderr.contains("quarantine"), "{}", run.stderr);
}

#[test]
fn comments_are_skipped() {
    is_read(
        "clicks.csv",
        format!("# exported, by \"x\n#\n\n{CLICKS}"),
        &[],
    );
    let among = CLICKS.replace("9,22", "# a, \"b\n9,22") + "# end";
    let shop = with_clicks("clicks.csv", &among);
    shop.refuses(
        &[],
        65,
        &["row 2", "--source clicks.comment='#' skips them"],
    );
    is_read("clicks.csv", &among, &["--source", "clicks.comment=#"]);
    let slashes = format!("// x\n{}", CLICKS.replace("9,22", "//\n9,22"));
    is_read("clicks.csv", slashes, &["--source", "clicks.comment=//"]);
    is_read(
        "clicks.csv",
        format!("#{CLICKS}"),
        &["--columns", "clicks.customer_id=#customer_id"],
    );
}

#[test]
fn utf16_is_read_by_its_mark() {
    for big in [false, true] {
        let units = format!(
            "\u{feff}{}",
            CLICKS
                .replace("time\n", "time,été\n")
                .replace(":00\n", ":00,😀\n")
        );
        let bytes = units.encode_utf16().flat_map(|unit| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        });
        let bytes: Vec<u8> = bytes.collect();
        is_read("clicks.csv", &bytes, &[]);
        let shop = with_clicks("clicks.csv", &bytes[..bytes.len() - 1]);
        shop.refuses(&[], 65, &["ends in the middle of a character"]);
    }
}

#[test]
fn quotes_behind_backslashes_are_advised_and_read() {
    let list = |item: i64| {
        format!(
            "\"[{{\\\"item_id\\\":{item},\\\"is_order\\\":false,\\\"t\\\":\\\"a\\\\\\\\b\\\"}}]\""
        )
    };
    let text = format!(
        "dt,ranking_id,customer_id,impressions\n2025-08-15,r1,1,{}\n2025-08-15,r2,2,{}\n",
        list(11),
        list(12)
    );
    let shop = shop();
    shop.remove("impressions").put("impressions.csv", &text);
    let advice = "--source impressions.escape='\\'";
    shop.refuses(&[], 65, &[advice]);
    shop.made(&["--source", "impressions.escape=\\"]);
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert_eq!(shop.samples().len(), 2);
}

#[test]
fn lists_of_python_are_read_and_those_of_numpy_refused() {
    let text = "dt,ranking_id,customer_id,impressions\n\
                2025-08-15,r1,1,\"[{'item_id': 11, 'is_order': True, 'x': nan}, {'item_id': 12, 'is_order': None}]\"\n";
    let shop = shop();
    shop.remove("impressions").put("impressions.csv", text);
    shop.made(&[]);
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert_eq!(shop.samples().len(), 2);
    for list in ["['11', 12]", "{'11': True, '12': None}"] {
        let shop = crate::shop::shop();
        let text = format!("dt,ranking_id,customer_id,impressions\n2025-08-15,r1,1,\"{list}\"\n");
        shop.remove("impressions").put("impressions.csv", &text);
        shop.made(&["--null-label", "keep"]);
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{list}: {}", verified.stderr);
        assert_eq!(shop.samples().len(), 2, "{list}");
    }
    let shop = crate::shop::shop();
    let text = "dt,ranking_id,customer_id,impressions\n2025-08-15,r1,1,[11 12]\n";
    shop.remove("impressions").put("impressions.csv", text);
    shop.refuses(&[], 65, &["row 1", "numpy prints lists without commas"]);
}

#[test]
fn what_nobody_wants_is_no_matter() {
    let rows = |click: &dyn Fn(&str, &str, &str) -> Vec<u8>| -> Vec<u8> {
        let lines = CLICKS.lines().skip(1).flat_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            click(fields[0], fields[1], fields[2])
        });
        lines.collect()
    };
    let nan = rows(&|customer, item, time| {
        format!("{{\"customer_id\": {customer}, \"x\": NaN, \"item_id\": {item}, \"y\": [-Infinity], \"click_time\": \"{time}\"}}\n").into()
    });
    is_read("clicks.ndjson", &nan, &[]);
    is_read("clicks.ndjson", nan.trim_ascii(), &[]);
    is_read("clicks.json", array_of(&nan), &[]);
    is_read("clicks.json", in_lines(&nan), &[]);
    let latin = rows(&|customer, item, time| {
        let head = format!("{{\"customer_id\": {customer}, \"t\": \"Caf");
        let tail = format!("\", \"item_id\": {item}, \"click_time\": \"{time}\"}}\n");
        [head.as_bytes(), b"\xe9", tail.as_bytes()].concat()
    });
    is_read("clicks.ndjson", &latin, &[]);
    is_read("clicks.json", array_of(&latin), &[]);
    is_read("clicks.json", in_lines(&latin), &[]);
    for (value, said) in [(&b"NaN"[..], "NaN"), (b"\"\xe9\"", "not UTF-8")] {
        let row = [
            b"{\"customer_id\": ",
            value,
            b", \"item_id\": 1, \"click_time\": \"2025-08-14\"}\n",
        ]
        .concat();
        let shop = with_clicks("clicks.json", array_of(&row));
        shop.refuses(&[], 65, &["row 1", "customer_id", said]);
    }
    let shop = with_clicks(
        "clicks.ndjson",
        "{\"customer_id\": NaN, \"item_id\": 1, \"click_time\": \"2025-08-14\"}\n",
    );
    shop.refuses(&[], 65, &["customer_id", "found NaN"]);
    let shop = with_clicks(
        "clicks.ndjson",
        b"{\"customer_id\": \"\xe9\", \"item_id\": 1, \"click_time\": \"2025-08-14\"}\n",
    );
    shop.refuses(&[], 65, &["customer_id", "not UTF-8"]);
}

/// Lines of JSON as one array.
fn array_of(lines: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = lines.trim_ascii().split(|byte| *byte == b'\n').collect();
    [b"[", &lines.join(&b",\n"[..])[..], b"]\n"].concat()
}

/// Lines of JSON as objects over several lines.
fn in_lines(lines: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = lines.trim_ascii().split(|byte| *byte == b'\n').collect();
    let objects = lines
        .iter()
        .map(|line| [b"{\n  ", &line[1..], b"\n"].concat());
    objects.collect::<Vec<_>>().concat()
}

/// A zip archive of files that are stored.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let len = |count: usize| u32::try_from(count).expect("small").to_le_bytes();
        let name_len = &len(name.len())[..2];
        let sizes = [
            &crc.sum().to_le_bytes()[..],
            &len(bytes.len()),
            &len(bytes.len()),
        ]
        .concat();
        let at = len(archive.len());
        let common = [
            &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &sizes,
            name_len,
            &[0, 0],
        ]
        .concat();
        archive.extend([&b"PK\x03\x04"[..], &common[..], name.as_bytes(), bytes].concat());
        directory.extend(
            [
                &b"PK\x01\x02\x14\0"[..],
                &common[..],
                &[0; 10],
                &at,
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = u16::try_from(files.len()).expect("few").to_le_bytes();
    let at = u32::try_from(archive.len()).expect("small").to_le_bytes();
    let size = u32::try_from(directory.len()).expect("small").to_le_bytes();
    archive.extend(directory);
    archive.extend(
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count[..],
            &count,
            &size,
            &at,
            &[0, 0],
        ]
        .concat(),
    );
    archive
}

#[test]
fn compressed_texts_are_read_whatever_their_names() {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(CLICKS.as_bytes()).expect("in memory");
    let bzip2 = bzip2.finish().expect("in memory");
    for name in ["clicks.csv.bz2", "clicks.csv"] {
        is_read(name, &bzip2, &[]);
    }
    let shop = with_clicks("clicks.csv.bz2", &bzip2[..bzip2.len() - 5]);
    shop.refuses(&[], 65, &["clicks.csv.bz2", "damaged or cut short"]);
    let (head, tail) = CLICKS.split_at(50);
    let several = [head, tail].map(|half| {
        let mut part = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        part.write_all(half.as_bytes()).expect("in memory");
        part.finish().expect("in memory")
    });
    is_read("clicks.csv.bz2", several.concat(), &[]);
    let archive = zip(&[("__MACOSX/._a.csv", b"x"), ("a.csv", CLICKS.as_bytes())]);
    for name in ["clicks.csv.zip", "clicks.zip"] {
        let shop = with_clicks(name, &archive);
        let run = shop.run_bare(
            &[
                &crate::shop::NAMED[..],
                &["--clicks", &format!("shop/{name}")],
            ]
            .concat(),
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let two = zip(&[("a.csv", b"x"), ("b.csv", b"y")]);
    with_clicks("clicks.csv.zip", two).refuses(
        &[],
        65,
        &["2 files", "\"a.csv\", \"b.csv\"", "unpack it"],
    );
    let mut damaged = archive.clone();
    let at = archive
        .windows(2)
        .position(|pair| pair == b"1,")
        .expect("a row");
    damaged[at] = b'2';
    with_clicks("clicks.csv.zip", damaged).refuses(&[], 65, &["its length or its checksum"]);
}

#[test]
fn settings_of_text_are_in_the_job_file_and_the_manifest() {
    let shop = with_clicks("clicks.csv", headerless().replace(',', "::"));
    let job = "job = \"sequences\"\ndir = \"shop\"\nout = \"out\"\n[sources.clicks]\ndelimiter = \"::\"\n\
               header = [\"customer_id\", \"item_id\", \"click_time\"]\nescape = \"\\\"\"\n";
    std::fs::write(shop.root().join("job.toml"), job).expect("written");
    let run = shop.run_bare(&["sequences", "--job", "job.toml"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let manifest = std::fs::read_to_string(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(
        manifest["settings"]["source_settings"]["clicks"].to_string(),
        r#"{"delimiter":"::","header":["customer_id","item_id","click_time"],"escape":"\""}"#
    );
    let run = shop.run(&["--source", "clicks.delimiter=\""]);
    run.assert_failed(2, &["no delimiter"]);
}

#[test]
fn a_key_of_json_in_another_case_is_named() {
    let text = "{\"CUSTOMER_ID\": 1, \"item_id\": 1, \"click_time\": \"2025-08-14\"}\n";
    let shop = with_clicks("clicks.ndjson", text);
    let said = [
        "it in no record, but \"CUSTOMER_ID\"",
        "--columns clicks.NAME=COLUMN",
    ];
    shop.refuses(&[], 65, &said);
    shop.made(&["--columns", "clicks.customer_id=CUSTOMER_ID"]);
}
